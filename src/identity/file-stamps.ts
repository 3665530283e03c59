/** Files that are read again when they have changed. */
import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats, statSync } from "node:fs";
import { attempt } from "../attempt.ts";

/** In bytes. */
const MAX_SIZE = 16 * 1024 * 1024;

/**
 * How files are during one request. Each is looked at once: asking the kernel costs more than all the rest of
 * a request that is in the caches.
 */
export class FileStamps {
  readonly #stamps = new Map<string, string>();

  /**
   * A text that changes whenever the file does: times of its content and of its inode, size, inode number.
   * Empty for what can't be read as a file.
   *
   * Take it before the file is read: a change in between is then seen the next time.
   */
  of(path: string): string {
    return this.#look(path, (stats) => stats.isFile());
  }

  /** The same of a folder: it changes when a name in it comes or goes. */
  ofFolder(path: string): string {
    return this.#look(`${path}/`, (stats) => stats.isDirectory());
  }

  #look(path: string, isMeant: (stats: Stats) => boolean): string {
    const known = this.#stamps.get(path);
    if (known !== undefined) return known;
    const stamp = readStamp(path, isMeant);
    this.#stamps.set(path, stamp);
    return stamp;
  }
}

function readStamp(path: string, isMeant: (stats: Stats) => boolean): string {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats && isMeant(stats) ? `${stats.mtimeMs} ${stats.ctimeMs} ${stats.size} ${stats.ino}` : "";
  } catch {
    return ""; // no permission, a loop of links
  }
}

/** Its content as UTF-8; undefined for what is no file, is too large or can't be read. Waits for no FIFO. */
export function readIfFile(path: string): string | undefined {
  return attempt(() => {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = fstatSync(fd);
      return stats.isFile() && stats.size <= MAX_SIZE ? readFileSync(fd, "utf8") : undefined;
    } finally {
      closeSync(fd);
    }
  });
}
