/** Masters of shared connections, as a laboratory looks at them from outside. */
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** Undefined where there is nothing. */
export function inodeOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.ino;
}

/** Empty where there is no such folder. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Whether the guard is in the master's place, whose own socket has another name then. */
export function isAdopted(controlPath: string): boolean {
  const inode = inodeOf(controlPath);
  const folder = join(dirname(controlPath), ".muxguard");
  const hidden = namesIn(folder).filter((name) => name.endsWith(`.${basename(controlPath)}`));
  return inode !== undefined && hidden.some((name) => inodeOf(join(folder, name)) !== inode);
}

/** The pids of the ssh processes that name a file in the folder on their command line. */
export function sshProcesses(folder: string, ...words: string[]): number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    const line = sshWords(pid);
    return line.some((word) => word.includes(`${folder}/`)) && words.every((word) => line.includes(word));
  });
}

/** The command line of an ssh; empty if it is no ssh, has ended, or is another user's. */
function sshWords(pid: number): string[] {
  try {
    if (basename(readlinkSync(`/proc/${pid}/exe`)) !== "ssh") return [];
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}
