/** When a process ends. pidfd_open(2). */
import { closeSync } from "node:fs";
import { watchDescriptor } from "../libc/descriptors.ts";
import { hasEnded, openPidfd } from "../libc/pidfd.ts";

/**
 * Calls back once, when the process has ended.
 * @returns undefined if it has already; close() ends the watch
 */
export function watchProcess(pid: number, ended: () => void): { close(): void } | undefined {
  const pidfd = openPidfd(pid);
  if (pidfd === undefined) return undefined;
  if (hasEnded(pidfd)) {
    closeSync(pidfd);
    return undefined;
  }
  let open = true;
  const close = (): void => {
    if (!open) return;
    open = false;
    watch.close();
    closeSync(pidfd);
  };
  const watch = watchDescriptor(pidfd, { readable: true }, () => {
    close();
    ended();
  });
  return { close };
}
