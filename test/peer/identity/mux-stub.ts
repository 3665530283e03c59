/** A control socket that says yes to everything, to see what a real ssh asks of its master. PROTOCOL.mux. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";

const MUX_MSG_HELLO = 0x00000001;
const MUX_C_NEW_SESSION = 0x10000002;
const MUX_C_ALIVE_CHECK = 0x10000004;
const MUX_C_NEW_STDIO_FWD = 0x10000008;
const MUX_S_OK = 0x80000001;
const MUX_S_EXIT_MESSAGE = 0x80000004;
const MUX_S_ALIVE = 0x80000005;
const MUX_S_SESSION_OPENED = 0x80000006;

export interface MuxStub {
  /** What `ssh -F none -S … WORDS` asks for: each request in hex. */
  ask(words: string[]): Promise<string[]>;
  close(): void;
}

export async function startMuxStub(path: string): Promise<MuxStub> {
  let requests: string[] = [];
  const server = createServer((socket) => serve(socket, (request) => requests.push(request)));
  await once(server.listen(path), "listening");
  return {
    ask: async (words) => {
      requests = [];
      await runSsh(["-F", "none", "-S", path, ...words]);
      return requests;
    },
    close: () => server.close(),
  };
}

async function runSsh(words: string[]): Promise<void> {
  const env = { PATH: process.env.PATH, TERM: "test-term", TEST_ONE: "1", TEST_TWO: "2" };
  await once(spawn("ssh", words, { stdio: "ignore", env }), "exit");
}

function serve(socket: Socket, record: (request: string) => void): void {
  let pending: Buffer = Buffer.alloc(0);
  let ended = false;
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    while (!ended && pending.length >= 4 && pending.length >= 4 + pending.readUInt32BE()) {
      const body = pending.subarray(4, 4 + pending.readUInt32BE());
      pending = pending.subarray(4 + body.length);
      if (body.readUInt32BE() !== MUX_MSG_HELLO) record(body.toString("hex"));
      ended = answer(socket, body);
    }
  });
}

/** Returns whether that was all: what follows then are the bytes that the descriptors come with. */
function answer(socket: Socket, body: Buffer): boolean {
  const type = body.readUInt32BE();
  const id = body.readUInt32BE(4);
  if (type === MUX_MSG_HELLO) send(socket, MUX_MSG_HELLO, 4);
  else if (type === MUX_C_ALIVE_CHECK) send(socket, MUX_S_ALIVE, id, process.pid);
  else if (type === MUX_C_NEW_SESSION || type === MUX_C_NEW_STDIO_FWD) {
    send(socket, MUX_S_SESSION_OPENED, id, 7);
    send(socket, MUX_S_EXIT_MESSAGE, 7, 0);
    socket.end();
    return true;
  } else send(socket, MUX_S_OK, id);
  return false;
}

function send(socket: Socket, ...words: number[]): void {
  const packet = Buffer.alloc(4 + 4 * words.length);
  packet.writeUInt32BE(4 * words.length);
  for (const [index, word] of words.entries()) packet.writeUInt32BE(word, 4 + 4 * index);
  socket.write(packet);
}
