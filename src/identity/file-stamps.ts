/** Whether files are still as they were read. */
import { statSync } from "node:fs";

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
    const known = this.#stamps.get(path);
    if (known !== undefined) return known;
    const stamp = readStamp(path);
    this.#stamps.set(path, stamp);
    return stamp;
  }
}

function readStamp(path: string): string {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats?.isFile() ? `${stats.mtimeMs} ${stats.ctimeMs} ${stats.size} ${stats.ino}` : "";
  } catch {
    return ""; // no permission, a loop of links
  }
}
