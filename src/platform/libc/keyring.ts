/** keyctl(2), which libc has no function for. */
import { define, failedWith, systemError } from "./binding.ts";

const syscall = define("long syscall(long number, long operation, void *name)");

/** Of the kernel's table for each architecture; most newer ones share one. */
const numbers: Partial<Record<NodeJS.Architecture, number>> = {
  x64: 250,
  ia32: 288,
  arm: 311,
  ppc64: 271,
  s390x: 280,
  arm64: 219,
  riscv64: 219,
  loong64: 219,
};
const KEYCTL_JOIN_SESSION_KEYRING = 1;

/**
 * What this process starts from here on has a session keyring of its own, an empty one, instead of the login's.
 * Namespaces leave that as it is. The thread's alone: to be called on the one that starts programs.
 * @throws Error where the kernel has keyrings and gives none
 */
export function leaveSessionKeyring(): void {
  const number = numbers[process.arch];
  if (number === undefined) throw new Error(`keyctl has no known number on ${process.arch}`);
  if (Number(syscall(number, KEYCTL_JOIN_SESSION_KEYRING, null)) >= 0) return;
  // a kernel without keyrings, or a container that keeps them from whatever is in it
  if (!failedWith("ENOSYS", "EPERM", "EACCES")) throw systemError("keyctl(JOIN_SESSION_KEYRING)");
}
