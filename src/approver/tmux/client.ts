/**
 * The tmux client that the user has used last, of all tmux servers of the user. A server or client inside of
 * a `muxguard run` is none of the user's: what is guarded could start one, and answer there. tmux(1).
 *
 * Nor is such a server spoken to: a tmux does what its server says, which may be to become another program
 * (MSG_SHELL, tmux's client.c), and that would be outside of the run.
 */
import { type ChildProcess, type StdioNull, type StdioPipe, spawn } from "node:child_process";
import { closeSync, lstatSync, readdirSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import type { Caller } from "../../policy/request.ts";

/** What tells of processes and their sockets. */
export interface TmuxServers {
  /**
   * A socket whose path may lead to another one by the time that a tmux connects; undefined if nobody listens
   * there.
   */
  openSocket(path: string): { fd: number; pid: number } | undefined;
  /** The process as it is now; undefined if it is gone, or inside of a run. */
  outside(pid: number): Caller | undefined;
  /** The socket of the server that a process says it is in; undefined where it says none. Never rejects. */
  serverOf?(caller: Caller): Promise<string | undefined>;
}

export interface TmuxClient {
  /** The server's socket. */
  socket: string;
  /** The server's pid. */
  server: number;
  /** Its own pid: one that attaches again is another process. */
  pid: number;
  /** What tmux calls the client: its terminal. */
  name: string;
  session: string;
  columns: number;
  rows: number;
  /** Whether tmux knows popups: 3.2 and later. */
  popups: boolean;
  /** Whether popups have titles: 3.3 and later. */
  titles: boolean;
  /** Whether its terminal shows more than ASCII. */
  utf8: boolean;
}

/** How long a server may take to answer, in milliseconds. */
const PATIENCE = 2000;

const fields = [
  "client_activity",
  "client_pid",
  "pid",
  "client_width",
  "client_height",
  "client_readonly",
  "client_control_mode",
  "client_utf8",
  "version",
  "session_id",
  "client_name",
];

/** Whether it was started in a tmux, and outside of runs: one inside is none of the user's. */
export function isInTmux({ run, container, ancestors }: Caller): boolean {
  return !run && !container && ancestors.some(({ name }) => name.startsWith("tmux"));
}

/**
 * The sockets of servers that may run: that of $TMUX, those of tmux's folder, and that of who asks. What says where
 * that is could answer by itself anyway: outside of runs, `muxguard approve` is there for all.
 */
async function socketsFor(
  environment: NodeJS.ProcessEnv,
  { serverOf }: TmuxServers,
  caller?: Caller,
): Promise<string[]> {
  const server = caller && isInTmux(caller) ? await serverOf?.(caller) : undefined;
  const own = server?.startsWith("/") ? [server] : [];
  return [...new Set([...own, ...tmuxSockets(environment)])];
}

/** Those that are known whoever asks. */
export function tmuxSockets({ TMUX, TMUX_TMPDIR }: NodeJS.ProcessEnv): string[] {
  const { uid } = userInfo();
  const folder = join(TMUX_TMPDIR || "/tmp", `tmux-${uid}`);
  const own = TMUX?.split(",")[0];
  return [...new Set([...(own ? [own] : []), ...socketsIn(folder, uid)])];
}

function socketsIn(folder: string, uid: number): string[] {
  try {
    const { uid: owner, mode } = lstatSync(folder);
    if (owner !== uid || (mode & 0o007) !== 0) return []; // tmux does not take such a folder either
    const paths = readdirSync(folder).map((name) => join(folder, name));
    return paths.filter((path) => lstatSync(path, { throwIfNoEntry: false })?.isSocket());
  } catch {
    return []; // no server has run yet
  }
}

/**
 * @param caller who asks
 * @returns undefined if no client is attached that can show a question and take keys
 */
export async function findTmuxClient(
  environment: NodeJS.ProcessEnv,
  servers: TmuxServers,
  caller?: Caller,
): Promise<TmuxClient | undefined> {
  const sockets = await socketsFor(environment, servers, caller);
  const lists = await Promise.all(sockets.map((socket) => clientsOf(socket, environment, servers)));
  const isOutside = (pid: number): boolean => servers.outside(pid) !== undefined;
  const usable = lists.flat().filter(({ client }) => isOutside(client.pid) && isOutside(client.server));
  return usable.sort((one, other) => other.activity - one.activity)[0]?.client;
}

/** Whether the client is still there. */
export async function isAttached(
  { socket, pid }: TmuxClient,
  environment: NodeJS.ProcessEnv,
  servers: TmuxServers,
): Promise<boolean> {
  return (await clientsOf(socket, environment, servers)).some(({ client }) => client.pid === pid);
}

interface Listed {
  activity: number;
  client: TmuxClient;
}

/** The socket as a tmux sees it that has got it as its fourth descriptor. */
const SOCKET = "/proc/self/fd/3";

/** Undefined if no tmux outside of all runs listens there. */
export function startTmux(
  path: string,
  args: readonly string[],
  { env, output, timeout }: { env: NodeJS.ProcessEnv; output: (StdioPipe | StdioNull)[]; timeout?: number },
  { openSocket, outside }: TmuxServers,
): ChildProcess | undefined {
  const socket = openSocket(path);
  if (!socket) return undefined;
  try {
    // by its name, too: the pid of who began to listen may be another process's by now
    if (!outside(socket.pid)?.name.startsWith("tmux")) return undefined;
    const stdio = ["ignore" as const, ...output, socket.fd];
    return spawn("tmux", ["-S", SOCKET, ...args], { env, timeout, killSignal: "SIGKILL", stdio });
  } finally {
    closeSync(socket.fd);
  }
}

function clientsOf(socket: string, env: NodeJS.ProcessEnv, servers: TmuxServers): Promise<Listed[]> {
  const format = fields.map((field) => `#{${field}}`).join(",");
  const options = { env, output: ["pipe" as const, "ignore" as const], timeout: PATIENCE };
  const tmux = startTmux(socket, ["list-clients", "-F", format], options, servers);
  let listed = "";
  tmux?.stdout?.setEncoding("utf8").on("data", (text: string) => {
    listed += text;
  });
  return new Promise((resolve) => {
    if (!tmux) return resolve([]);
    tmux.once("error", () => resolve([]));
    tmux.once("close", (code) =>
      resolve(code === 0 ? listed.split("\n").flatMap((line) => parseClient(socket, line)) : []),
    );
  });
}

/** None for a line of another shape, and for a client that takes no keys or shows no screen. */
function parseClient(socket: string, line: string): Listed[] {
  const [activity, pid, server, columns, rows, readOnly, control, utf8, version, session, ...rest] =
    line.split(",");
  const name = rest.join(",");
  if (!session || name === "" || readOnly === "1" || control === "1") return [];
  const client = {
    socket,
    server: Number(server),
    pid: Number(pid),
    name,
    session,
    columns: Number(columns),
    rows: Number(rows),
    popups: isSince(version, 2),
    titles: isSince(version, 3) && !version?.startsWith("openbsd"), // which counts in its own way
    utf8: utf8 !== "0",
  };
  return [{ activity: Number(activity), client }];
}

/** Whether it is tmux 3 with that minor version, or later: `3.3a`, `next-3.4`, `openbsd-7.0`. */
function isSince(version = "", since: number): boolean {
  const [, major, minor] = /(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(major) > 3 || (Number(major) === 3 && Number(minor) >= since);
}
