/** The run's side of a ride's named pipes: what ssh becomes where it can make no socket. */
import { spawnSync } from "node:child_process";
import { close, closeSync, constants, open, openSync, read, writeSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { isatty } from "node:tty";
import { promisify } from "node:util";
import { attempt } from "../../../attempt.ts";
import { hasCode } from "../../../errors.ts";
import { onScreen } from "../../../policy/visible.ts";
import { rideCommand } from "../command.ts";
import { findSsh } from "../shims.ts";
import { type FifoReply, type FifoRequest, fifoPlaces, isTicket, MAX_REQUEST, TICKET } from "./request.ts";
import { type FifoLine, fifoSession } from "./session.ts";
import { flushed, relayed, userStream } from "./streams.ts";

/** The first word of a command line of this program that goes over pipes; the ride's folder is the next. */
export const OVER_FIFOS = "--over-fifos";

const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
const ENDED = "muxguard: denied: the run has ended";
/** As ssh ends where its connection is lost. */
const FAILED = 255;

/** Whether a guard reads there. */
export function areServed(ride: string): boolean {
  const fd = openAsk(ride);
  if (fd !== undefined) closeSync(fd);
  return fd !== undefined;
}

/** Returns ssh's exit code. @throws Error with a line for stderr */
export async function rideOverFifos(ride: string, words: readonly string[]): Promise<number> {
  const command = rideCommand(["ssh", ...words]);
  if (command.kind === "local") return runLocally(ride, words);
  if (command.kind === "refused") throw new Error(`muxguard: denied: ${command.reason}`);
  const line = fifoSession(words, command, process.env);
  if (line.wantsTerminal && isatty(0))
    throw new Error(
      "muxguard: denied: -t: a terminal is not to be had where no Unix sockets are; leave it out",
    );
  const { destination, asks } = line;
  const request = Buffer.from(
    `${JSON.stringify({ destination, asks, terminal: isatty(2) } satisfies FifoRequest)}\n`,
  );
  if (request.length > MAX_REQUEST)
    throw new Error(`muxguard: denied: more than ${MAX_REQUEST} bytes of command`);
  return converse(await claim(ride), request, line);
}

/** -V, -Q, -G. */
function runLocally(ride: string, words: readonly string[]): number {
  const ssh = findSsh(ride);
  if (ssh === undefined) throw new Error("muxguard: ssh: command not found");
  return spawnSync(ssh, words, { stdio: "inherit" }).status ?? FAILED;
}

function openAsk(ride: string): number | undefined {
  try {
    return openSync(fifoPlaces(ride).ask, O_WRONLY | O_NONBLOCK);
  } catch (error) {
    if (["ENXIO", "ENOENT", "ENOTDIR"].some((code) => hasCode(error, code))) return undefined;
    throw error;
  }
}

interface Pipes {
  request: number;
  reply: number;
  in: number;
  out: number;
  err: number;
}

/** Waits until a place is free. @throws Error if the run ends meanwhile */
async function claim(ride: string): Promise<Pipes> {
  const { folder, tickets } = fifoPlaces(ride);
  for (;;) {
    const ask = openAsk(ride);
    if (ask === undefined) throw new Error(ENDED);
    writeSync(ask, "?");
    closeSync(ask);
    const ticket = await takeTicket(tickets);
    const pipes = isTicket(ticket) ? openPipes(join(folder, ticket)) : undefined;
    if (pipes) return pipes;
    // nobody came for that one in time: it was another's, who has ended
  }
}

/** A read of that many bytes gets one, and nobody else gets the same. */
async function takeTicket(path: string): Promise<string> {
  const bytes = Buffer.alloc(TICKET);
  const fd = await promisify(open)(path, O_RDONLY);
  const { bytesRead } = await promisify(read)(fd, bytes, 0, TICKET, null);
  await promisify(close)(fd);
  if (bytesRead === 0) throw new Error(ENDED);
  return bytes.toString("latin1", 0, bytesRead);
}

/** Undefined where the guard has given it up. */
function openPipes(folder: string): Pipes | undefined {
  const opened: number[] = [];
  const at = (name: keyof Pipes, flags: number): number => {
    const fd = openSync(join(folder, name), flags | O_NONBLOCK);
    opened.push(fd);
    return fd;
  };
  try {
    const read = { reply: at("reply", O_RDONLY), out: at("out", O_RDONLY), err: at("err", O_RDONLY) };
    return { ...read, in: at("in", O_WRONLY), request: at("request", O_WRONLY) };
  } catch (error) {
    for (const fd of opened) closeSync(fd);
    if (hasCode(error, "ENOENT") || hasCode(error, "ENXIO")) return undefined;
    throw error;
  }
}

/** The session, to its end. */
async function converse(pipes: Pipes, request: Buffer, { noInput, quiet }: FifoLine): Promise<number> {
  const [stdout, stderr] = [userStream(1), userStream(2)];
  const tell = (line: string): boolean => stderr.write(`${onScreen(line)}\n`);
  const said = replies(readable(pipes.reply), tell);
  // stays open: where this process ends, so does the session
  const asking = new Socket({ fd: pipes.request, readable: false, writable: true });
  asking.on("error", () => {}).write(request);
  sendInput(pipes.in, noInput);
  await Promise.all([relayed(readable(pipes.out), stdout), relayed(readable(pipes.err), stderr)]);
  const end = await said;
  if (end && "exit" in end) return end.exit;
  if (end) tell(end.error);
  else if (!quiet) tell("muxguard: the guard has ended, and the session with it");
  await flushed(stderr);
  return FAILED;
}

function readable(fd: number): Socket {
  return new Socket({ fd, readable: true, writable: false });
}

function sendInput(fd: number, noInput: boolean): void {
  const input = new Socket({ fd, readable: false, writable: true });
  // the session reads no more
  input.on("error", () => {
    process.stdin.unpipe(input);
    process.stdin.destroy();
  });
  if (noInput) input.end();
  else process.stdin.on("error", () => input.end()).pipe(input);
}

type FifoEnd = Exclude<FifoReply, { report: string }>;

/** The last thing that is said; undefined where the guard has ended before. */
function replies(from: Socket, report: (line: string) => void): Promise<FifoEnd | undefined> {
  let text = "";
  let end: FifoEnd | undefined;
  from.setEncoding("utf8").on("data", (more: string) => {
    const lines = (text + more).split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) {
      const reply = attempt(() => JSON.parse(line) as FifoReply) ?? { error: "muxguard: not understood" };
      if ("report" in reply) report(reply.report);
      else end = reply;
    }
  });
  return new Promise((resolve) => from.on("error", () => from.destroy()).on("close", () => resolve(end)));
}
