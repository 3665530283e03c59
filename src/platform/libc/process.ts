/** What a process may set about itself, and become: prctl(2), setrlimit(2), wait(2), execve(2). Linux alone. */
import { define, systemError } from "./binding.ts";
import { closeOnExec } from "./descriptors.ts";

const prctl = define(
  "int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)",
);
const prctlText = define("int prctl(int option, const char *text)");
const prlimit = define("int prlimit(int pid, int resource, uint8_t *limit, uint8_t *old)");
const execve = define("int execve(const char *path, const char **words, const char **environment)");
const waitpid = define("int waitpid(int pid, void *status, int options)");

/** linux/prctl.h */
const PR_SET_DUMPABLE = 4;
const PR_SET_NAME = 15;
const PR_SET_CHILD_SUBREAPER = 36;
const RLIMIT_NOFILE = 7;
const RLIMIT_LOCKS = 10;
const WNOHANG = 1;

/** No ptrace by other processes of this user, no core dump, no look at /proc/PID/fd. */
export function forbidTracing(): void {
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) !== 0) throw systemError("prctl(PR_SET_DUMPABLE)");
}

/** The name that /proc/PID/stat and `ps` show, of at most 15 bytes. */
export function setProcessName(name: string): void {
  if (prctlText(PR_SET_NAME, name) !== 0) throw systemError("prctl(PR_SET_NAME)");
}

/**
 * From here on descendants that lose their parent become children of this process. So they can't leave the
 * line of ancestors.
 */
export function adoptOrphans(adopts = true): void {
  if (prctl(PR_SET_CHILD_SUBREAPER, adopts ? 1 : 0, 0, 0, 0) !== 0)
    throw systemError("prctl(PR_SET_CHILD_SUBREAPER)");
}

/** Lowers RLIMIT_LOCKS of this process and of what it starts from here on. */
export function setLockLimit(limit: bigint): void {
  const both = Buffer.alloc(16);
  both.writeBigUInt64LE(limit, 0);
  both.writeBigUInt64LE(limit, 8);
  if (prlimit(0, RLIMIT_LOCKS, both, null) !== 0) throw systemError("prlimit(RLIMIT_LOCKS)");
}

/** How many descriptors this process may have open as of now: `ulimit -n`. It takes none to look. */
export function descriptorLimit(): number {
  const both = Buffer.alloc(16);
  if (prlimit(0, RLIMIT_NOFILE, null, both) !== 0) throw systemError("prlimit(RLIMIT_NOFILE)");
  return Number(both.readBigUInt64LE(0));
}

/**
 * Takes note of the end of a child, so that the kernel can forget it. Not for children that Node started:
 * they would never seem to end.
 */
export function reap(pid: number): void {
  waitpid(pid, null, WNOHANG);
}

/**
 * This process becomes the program: with its pid, its terminal, and the descriptors that are not closed on exec.
 * Nothing of it goes on. @throws Error if it can't
 */
export function becomeProgram(path: string, words: readonly string[], environment: NodeJS.ProcessEnv): never {
  for (const fd of [0, 1, 2]) closeOnExec(fd, false); // Node has seen to it that they would
  const variables = Object.entries(environment).map(([name, value = ""]) => `${name}=${value}`);
  execve(path, [...words, null], [...variables, null]);
  throw systemError("execve");
}
