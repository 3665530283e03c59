/** What a master says of itself: its greeting, and the pid that clients send SIGWINCH to. */
import { encodeFrame, type Frame, FrameDecoder } from "../../wire/frame.ts";
import { parseMuxReply } from "../../wire/mux/reply.ts";
import { encodeMuxRequest, type MuxRequest } from "../../wire/mux/request.ts";
import type { MuxSocket } from "./master-link.ts";

export interface MasterGreeting {
  /** Its MUX_MSG_HELLO, as it came. */
  greeting: Buffer;
  /** What it claims. */
  pid: number;
}

/** How long a master may take, in milliseconds: it is busy while it logs in. */
const TIMEOUT = 5_000;

/** The socket is closed when it settles. @throws Error if nobody answers as a master does */
export async function probeMaster(socket: MuxSocket, timeout = TIMEOUT): Promise<MasterGreeting> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer from the master")), timeout);
  });
  try {
    return await Promise.race([askMaster(socket), late]);
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

function askMaster(socket: MuxSocket): Promise<MasterGreeting> {
  const decoder = new FrameDecoder();
  let greeting: Buffer | undefined;
  return new Promise((resolve, reject) => {
    const take = ({ packet, payload }: Frame): void => {
      const reply = parseMuxReply(payload);
      if (reply.type === "MUX_MSG_HELLO") greeting = Buffer.from(packet);
      else if (reply.type === "MUX_S_ALIVE" && greeting) resolve({ greeting, pid: reply.pid });
      else reject(new Error(`a master that answers with ${reply.type}`));
    };
    const receive = (bytes: Buffer): void => {
      try {
        decoder.push(bytes).forEach(take);
      } catch (error) {
        reject(error);
      }
    };
    socket.listen({ receive, closed: () => reject(new Error("the master closed the connection")) });
    for (const request of requests) socket.send(encodeFrame(encodeMuxRequest(request)).packet);
  });
}

const requests: MuxRequest[] = [
  { type: "MUX_MSG_HELLO", version: 4, extensions: [] },
  { type: "MUX_C_ALIVE_CHECK", requestId: 0 },
];
