/**
 * Which process answers at a Unix socket. The kernel's word on a connection (SO_PEERCRED) is about whoever
 * called listen(), and ssh-agent forks after that. Of a message it says who wrote it: SO_PASSCRED, unix(7).
 */
import { closeSync } from "node:fs";
import type { ProcessId } from "../../policy/request.ts";
import { watchDescriptor } from "../libc/descriptors.ts";
import { receiveMessage, sendMessage } from "../libc/messages.ts";
import { connectUnix, tellSender } from "../libc/sockets.ts";
import type { ProcessTable } from "../proc/process.ts";

/** How long the answer may take, in milliseconds. */
const PATIENCE = 10_000;

/**
 * Sends the request, and says who answers it. Undefined where nobody does, or where that process can't be
 * seen from here.
 * @throws Error if it has ended, or the kernel doesn't tell
 */
export async function answeringProcess(
  path: string,
  request: Buffer,
  processes: ProcessTable,
): Promise<ProcessId | undefined> {
  const connected = connectUnix(path);
  if ("error" in connected) return undefined;
  const { fd } = connected;
  try {
    tellSender(fd);
    if (sendMessage(fd, request) !== request.length) return undefined;
    await readable(fd);
    const received = receiveMessage(fd);
    if (typeof received === "string" || !received.sender) return undefined;
    // it was alive a moment ago, and has its connection to us still open
    const { pid, startTime } = processes.read(received.sender);
    return { pid, startTime };
  } finally {
    closeSync(fd);
  }
}

/** Resolves when there is something to read, or nobody who would write. */
function readable(fd: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      watch.close();
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(done, PATIENCE).unref();
    const watch = watchDescriptor(fd, { readable: true }, done);
  });
}
