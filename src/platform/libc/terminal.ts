/** Which process group has the keys of a terminal: tcgetpgrp(3), getpgrp(2). */
import { constants } from "node:os";
import { define, systemError } from "./binding.ts";

const tcgetpgrp = define("int tcgetpgrp(int fd)");
const tcsetpgrp = define("int tcsetpgrp(int fd, int group)");
const getpgrp = define("int getpgrp()");
const signal = define("intptr_t signal(int number, intptr_t handler)");

const { SIGTTOU } = constants.signals;
const SIG_IGN = 1;

/** The process group in the foreground of a terminal; -1 if it is not this process's own terminal. */
export function foregroundGroup(ttyFd: number): number {
  return tcgetpgrp(ttyFd);
}

/** That of this process. */
export function ownGroup(): number {
  return getpgrp();
}

/**
 * Puts a process group into the foreground of a terminal, also from the background. There the kernel would
 * stop the caller with SIGTTOU.
 */
export function setForegroundGroup(ttyFd: number, group: number): void {
  const before = signal(SIGTTOU, SIG_IGN);
  try {
    if (tcsetpgrp(ttyFd, group) !== 0) throw systemError("tcsetpgrp");
  } finally {
    signal(SIGTTOU, before);
  }
}
