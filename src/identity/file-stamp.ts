import { statSync } from "node:fs";

/**
 * Changes whenever the file does: times of its content and of its inode, size and inode number. Empty for what can't be read as a file.
 * Take it before the file is read, so that a change in between is seen the next time.
 */
export function fileStamp(path: string): string {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats?.isFile() ? `${stats.mtimeMs} ${stats.ctimeMs} ${stats.size} ${stats.ino}` : "";
  } catch {
    return ""; // no permission, a loop of links
  }
}
