/** A client that writes whatever bytes to a socket, and tells what came of it. */
import { connect, type Socket } from "node:net";

export interface Heard {
  /** All that came back. */
  bytes: Buffer;
  /** Whether the other side has hung up by itself. */
  closed: boolean;
}

export interface Talk {
  /** Enough of an answer; without it, only the end is waited for. */
  until?(bytes: Buffer): boolean;
  /** Sends nothing more, and says so: what is half said stays half. */
  ends?: boolean;
  /** In pieces of one byte. */
  split?: boolean;
}

export function open(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path, allowHalfOpen: true });
    socket.once("connect", () => resolve(socket));
    socket.once("error", reject);
  });
}

/** Resolves when the other side hangs up, or with as much of an answer as `until` wants. */
export async function talk(path: string, bytes: Buffer, { until, ends, split }: Talk = {}): Promise<Heard> {
  const socket = await open(path);
  const chunks: Buffer[] = [];
  const heard = new Promise<Heard>((resolve) => {
    const finish = (closed: boolean): void => {
      resolve({ bytes: Buffer.concat(chunks), closed });
      socket.destroy();
    };
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      if (until?.(Buffer.concat(chunks))) finish(false);
    });
    socket.on("error", () => {}); // "close" follows
    for (const end of ["end", "close"]) socket.once(end, () => finish(true));
  });
  if (split) for (const byte of bytes) await written(socket, Buffer.of(byte));
  else socket.write(bytes);
  if (ends) socket.end();
  return heard;
}

/** A piece is on its way before the next one is written. */
function written(socket: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => socket.write(bytes, () => setImmediate(resolve)));
}
