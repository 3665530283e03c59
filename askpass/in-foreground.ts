/** The terminal of this process. proc(5), tcgetpgrp(3). */
import { readFileSync } from "node:fs";

/** Whether this process may ask there: it has one, and reading from it would not stop it. */
export function isInForeground(): boolean {
  const { group, terminal, foreground } = readStat();
  return terminal !== "0" && group === foreground;
}

/** Its device number. */
export function terminalNumber(): string {
  return readStat().terminal;
}

function readStat(): { group: string; terminal: string; foreground: string } {
  const stat = readFileSync("/proc/self/stat", "latin1");
  const [, , group = "", , terminal = "", foreground = ""] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { group, terminal, foreground };
}
