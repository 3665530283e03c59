/** Descriptors that stand for a process, whoever has its pid by then: pidfd_open(2), Linux 5.3. */
import { constants } from "node:os";
import { define, failedWith } from "./binding.ts";

const syscall = define("long syscall(long number, long a, long b, long c, long d, long e)");
const poll = define("int poll(uint8_t *fds, unsigned long count, int timeout)");

/** The same on every architecture. */
const SYS_PIDFD_SEND_SIGNAL = 424;
const SYS_PIDFD_OPEN = 434;
const POLLIN = 1;

/** The caller closes it. Undefined if there is no such process any more. */
export function openPidfd(pid: number): number | undefined {
  const fd = syscall(SYS_PIDFD_OPEN, pid, 0, 0, 0, 0);
  return fd < 0 ? undefined : fd;
}

/** True once the process has ended, reaped or not. */
export function hasEnded(pidfd: number): boolean {
  const entry = Buffer.alloc(8);
  entry.writeInt32LE(pidfd, 0);
  entry.writeInt16LE(POLLIN, 4);
  let ready = poll(entry, 1, 0);
  // a signal that waits interrupts it, however short it is
  while (ready < 0 && failedWith("EINTR")) ready = poll(entry, 1, 0);
  return ready !== 0;
}

/**
 * pidfd_send_signal(2).
 * @returns false if the process has been reaped, or is another user's
 */
export function sendSignal(pidfd: number, signal: NodeJS.Signals): boolean {
  return syscall(SYS_PIDFD_SEND_SIGNAL, pidfd, constants.signals[signal], 0, 0, 0) === 0;
}
