/**
 * The way into libc, for what Node doesn't have: the one file that imports koffi. The files beside it define
 * the calls that they need, and hold the numbers of Linux that belong to them.
 *
 * Loading koffi takes 13 ms, the shared library 2 ms of these; a definition takes 0.02 ms. So definitions are
 * made when a file is loaded, and what starts quickly doesn't load any of them (src/runs/in-run.ts).
 */
import koffi from "koffi";

const libc = koffi.load(null);

/** Where a function of libc is, for a call that takes one. */
export function functionAddress(name: string): bigint {
  return koffi.address(libc.symbol(name));
}

/** A list of texts is what `const char **` takes; it ends with a null. */
type Value = number | bigint | string | Uint8Array | readonly (string | null)[] | null;

/** One call, by its C prototype. https://koffi.dev/functions */
export function define(prototype: string): (...values: Value[]) => number {
  return libc.func(prototype);
}

/** Where the bytes of a buffer are, for a struct that points to them. The buffer must be kept meanwhile. */
export function addressOf(bytes: Buffer): bigint {
  return koffi.address(bytes);
}

/** Calls back whenever a descriptor is ready, until it is closed: uv_poll_start() of libuv. */
export function watchReadiness(
  fd: number,
  events: { readable?: boolean; writable?: boolean },
  ready: () => void,
): { close(): void } {
  return koffi.node.poll(fd, events, ready);
}

/** What errno says of the last call: "EAGAIN". */
export function errorName(): string {
  const errno = koffi.errno();
  return Object.entries(koffi.os.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
}

/** Whether the last call failed for that reason. */
export function failedWith(...names: string[]): boolean {
  const errno = koffi.errno();
  return names.some((name) => koffi.os.errno[name] === errno);
}

/** For a call that failed: "prctl(PR_SET_NAME): EPERM". */
export function systemError(call: string): Error {
  return new Error(`${call}: ${errorName()}`);
}
