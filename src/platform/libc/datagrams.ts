/** Datagrams to a Unix socket, which Node does not have. unix(7) */
import { closeSync, writeSync } from "node:fs";
import { connectUnix, SOCK_DGRAM } from "./sockets.ts";

/** Without waiting. @throws Error with the errno's name: ENOENT, ECONNREFUSED, EAGAIN, EMSGSIZE */
export function sendDatagram(path: string, bytes: Buffer): void {
  const connected = connectUnix(path, SOCK_DGRAM);
  if ("error" in connected) throw new Error(connected.error);
  try {
    writeSync(connected.fd, bytes);
  } finally {
    closeSync(connected.fd);
  }
}
