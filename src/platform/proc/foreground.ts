/**
 * Who may read from a terminal: the process group in its foreground. tcsetpgrp(3).
 *
 * An interactive shell puts each command into a group of its own. So a guarded `bash -i` takes the foreground
 * from the guard. To ask, the guard takes it back for a moment, but only from a group that is its own
 * descendant. A job of the user's other programs keeps the terminal.
 */
import { closeSync, openSync } from "node:fs";
import { foregroundGroup, ownGroup, setForegroundGroup } from "../libc/terminal.ts";
import { ProcessTable } from "./process.ts";

/** Whether the keys of this process's own terminal send their signals to its group: Ctrl-C, Ctrl-\. */
export function hasKeyboard(): boolean {
  try {
    const fd = openSync("/dev/tty", "r");
    try {
      return foregroundGroup(fd) === ownGroup();
    } finally {
      closeSync(fd);
    }
  } catch {
    return false; // no terminal
  }
}

/** Whether this process is in the foreground, or may take it. */
export function mayTakeForeground(ttyFd: number): boolean {
  const group = foregroundGroup(ttyFd);
  return group === ownGroup() || isDescendant(group);
}

/** Takes the foreground if it is elsewhere. Returns what gives it back. */
export function takeForeground(ttyFd: number): () => void {
  const group = foregroundGroup(ttyFd);
  if (group === ownGroup()) return () => {};
  setForegroundGroup(ttyFd, ownGroup());
  return () => {
    // the shell may have taken it back, for its next command
    if (foregroundGroup(ttyFd) === ownGroup()) setForegroundGroup(ttyFd, group);
  };
}

function isDescendant(pid: number): boolean {
  const table = new ProcessTable();
  try {
    return table.read(pid).ancestors.some((ancestor) => ancestor.pid === process.pid);
  } catch {
    return false; // the group outlived its leader: nobody can say whose it is
  } finally {
    table.close();
  }
}
