/** Whether this process may ask on its terminal: it has one, and reading from it would not stop it. proc(5), tcgetpgrp(3). */
import { readFileSync } from "node:fs";

export function isInForeground(): boolean {
  const stat = readFileSync("/proc/self/stat", "latin1");
  const [, , group, , tty, foreground] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return tty !== "0" && group === foreground;
}
