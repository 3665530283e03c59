/**
 * Opening masters that nobody else can reach. The guard runs `ssh -M -N`, with its own agent and its own
 * askpass, so that the use of keys, passphrases and host keys go through it; the master's socket then loses
 * its name, and is reached through the guard alone.
 *
 * A master asks for nothing that it was not given: it reads the user's own ssh configuration, and beyond that
 * only what the request says.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Prompter } from "../../approver/prompter.ts";
import { attempt } from "../../attempt.ts";
import type { Broker } from "../../guard/decide/broker.ts";
import type { Covered } from "../../guard/decide/related-decisions.ts";
import type { Scope } from "../../guard/decide/scope.ts";
import { type Asker, denialLine } from "../../guard/decide/verdict.ts";
import type { Logins } from "../../identity/logins.ts";
import type { MasterDestinations, MasterOrigin } from "../../identity/master-destination.ts";
import type { SshConfig } from "../../identity/ssh/config.ts";
import { destinationOptions, type PlainDestination } from "../../identity/ssh/plain-destination.ts";
import { askpassProgram } from "../../installation.ts";
import type { ProcessTable } from "../../platform/proc/process.ts";
import { HiddenSocket } from "../../platform/sockets/control-socket.ts";
import { checkMaster, connectionsTo, endListeners, listenerOf } from "../../platform/sockets/holders.ts";
import type { Caller, Destination, ProcessId, Request } from "../../policy/request.ts";
import { visible } from "../../policy/visible.ts";
import { Master } from "../master.ts";
import { jumpHosts } from "./hops.ts";

/** What answers the guard's own ssh. */
export interface Askpass {
  /** What the process of this pid asks goes to these. @returns what ends it */
  expect(pid: number, prompters: readonly Prompter[]): () => void;
}

export interface OpeningParts {
  broker: Broker;
  processes: ProcessTable;
  destinations: MasterDestinations;
  logins: Logins;
  askpass: Askpass;
  /**
   * What the process, and what it starts, asks of the guard is decided in the scope from now on.
   * @returns what ends that
   */
  lend(process: ProcessId, scope: Scope): () => void;
  /** Where sockets have their names for a moment; private. */
  folder: string;
  /** In which ssh runs. */
  environment: NodeJS.ProcessEnv;
  /** For `ssh -F`. */
  sshConfig: string | undefined;
}

export interface OpenRequest {
  destination: PlainDestination;
  /** What ssh makes of it. */
  config: SshConfig;
  /** Further options for ssh; none for a request from inside a run. */
  options: readonly string[];
  /** Whether options and destination leave it to the ssh configuration where the name leads. */
  plain: boolean;
  /** What the connection is for, as whoever asks says. */
  purpose: Pick<Request, "command" | "subsystem" | "forward">;
  asker: Asker;
  scope: Scope;
  prompters: readonly Prompter[];
}

const MAX_STDERR = 16 * 1024;

/** The connection was not allowed; the message is for the user's stderr. */
export class OpenDenied extends Error {
  override name = "OpenDenied";
}

export interface OpenedMaster {
  master: Master;
  origin: MasterOrigin;
}

/** @throws OpenDenied, or Error with what ssh said */
export async function openMaster(parts: OpeningParts, request: OpenRequest): Promise<OpenedMaster> {
  const hops = await decideHops(parts, request);
  const to = await allowed(parts, await connectRequest(parts, request), request);
  const home = mkdtempSync(join(parts.folder, "m"));
  try {
    const path = join(home, "s");
    const child = startSsh(parts, request, path);
    const stderr = collect(child);
    const { pid = 0 } = child;
    const starter = startedProcess(parts.processes, pid);
    const lent = starter && parts.lend(starter, request.scope);
    if (starter) parts.broker.cover(starter, to, hops);
    const expected = parts.askpass.expect(pid, request.prompters);
    const code = await ended(child, request.asker.gone).finally(() => {
      expected();
      lent?.();
    });
    child.stderr?.destroy();
    if (code !== 0) throw new Error(`ssh could not connect: ${lastLines(stderr())}`);
    const login = starter && parts.logins.ofOwn(starter);
    const { destination, plain } = request;
    const origin: MasterOrigin = { ...(login && { login }), destination, plain };
    const whereabouts = parts.destinations.resolve(origin);
    whereabouts.catch(() => {}); // told of when it is asked for
    const master = await hide(parts, path, () => whereabouts);
    master.watchEnd(parts.lend(master.process, request.scope)); // it may forward the agent
    return { master, origin };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** Each jump host is a connection of its own, decided before any is made. @throws OpenDenied */
async function decideHops(parts: OpeningParts, request: OpenRequest): Promise<Covered[]> {
  const { destination, config, plain } = request;
  const configOf = async (to: PlainDestination): Promise<SshConfig> => {
    const found = await parts.destinations.config(to);
    if (!found) throw new Error(`ssh -G ${to.host} says nothing of this jump host`);
    return found;
  };
  const covered: Covered[] = [];
  for (const { next, ...hop } of await jumpHosts(destination, config, configOf)) {
    const purpose = { forward: { kind: "stdio", connect: next } } as const;
    const connect = await connectRequest(parts, { ...hop, plain, purpose });
    covered.push(await allowed(parts, connect, request));
  }
  return covered;
}

/** @throws OpenDenied */
async function allowed({ broker }: OpeningParts, connect: Request, request: OpenRequest): Promise<Covered> {
  const verdict = await broker.decide(connect, request.asker, request.scope);
  if (verdict.decision === "deny") throw new OpenDenied(denialLine(connect, verdict));
  return { connect, verdict };
}

/** Undefined for one that has ended at once: ssh says why. */
function startedProcess(processes: ProcessTable, pid: number): Caller | undefined {
  return attempt(() => processes.read(pid));
}

type Connecting = Pick<OpenRequest, "destination" | "config" | "plain" | "purpose">;

async function connectRequest(
  { destinations }: OpeningParts,
  { destination, config, plain, purpose }: Connecting,
): Promise<Request> {
  const { host: claimed } = destination;
  const elsewhere = { names: [], verified: false, how: "ssh's options may lead elsewhere", claimed };
  return {
    kind: "connect",
    destination: withProxyCommand(
      plain ? await destinations.configured(destination, config) : elsewhere,
      config,
    ),
    user: destination.user ?? config.user,
    ...purpose,
    path: [],
    forwarded: false,
  };
}

/** What goes on in there, nobody sees. */
function withProxyCommand(destination: Destination, { proxyCommand }: SshConfig): Destination {
  if (proxyCommand === undefined) return destination;
  return { ...destination, how: `${destination.how}; where its ProxyCommand goes can't be seen` };
}

function startSsh(
  { environment, folder, sshConfig }: OpeningParts,
  request: OpenRequest,
  path: string,
): ChildProcess {
  const { destination, config, options } = request;
  const { host, jump } = destination;
  const persist =
    config.controlPersist === undefined || config.controlPersist === "no" ? "yes" : config.controlPersist;
  const said = [
    ...(sshConfig === undefined ? [] : ["-F", sshConfig]),
    ...destinationOptions(destination),
    // a first key that comes over a host of the asker's choice is for a person to judge
    ...(jump !== undefined && config.strictHostKeyChecking === "accept-new"
      ? ["-o", "StrictHostKeyChecking=ask"]
      : []),
  ];
  const master = ["-M", "-N", "-S", path.replaceAll("%", "%%"), "-o", `ControlPersist=${persist}`];
  return spawn("ssh", [...master, ...said, ...options, "--", host], {
    env: {
      ...environment,
      SSH_AUTH_SOCK: agentSocketOf(folder),
      SSH_ASKPASS: askpassProgram(),
      SSH_ASKPASS_REQUIRE: "force",
      MUXGUARD_PROMPTS: askpassSocketOf(folder),
    },
    stdio: ["ignore", "ignore", "pipe"],
    detached: true, // no terminal that it could ask on by itself
  });
}

function collect(child: ChildProcess): () => string {
  let text = "";
  child.stderr?.setEncoding("utf8").on("data", (more: string) => {
    text = (text + more).slice(-MAX_STDERR);
  });
  return () => text;
}

/** With ControlPersist, ssh ends with 0 once it is logged in, and leaves the master in the background. */
function ended(child: ChildProcess, gone: AbortSignal): Promise<number | null> {
  // with what it has started: an askpass program would hold its stderr, and wait for somebody who is gone
  const kill = (): void => endGroup(child.pid);
  gone.addEventListener("abort", kill, { once: true });
  return new Promise<number | null>((resolve, reject) => {
    child.once("error", (error) => reject(new Error(`ssh did not start: ${error.message}`)));
    child.once("exit", (code) => {
      if (code === 0)
        resolve(code); // with -v the master keeps stderr
      else kill();
    });
    child.once("close", (code) => resolve(code));
    if (gone.aborted) kill();
  }).finally(() => gone.removeEventListener("abort", kill));
}

/** A process group of its own: spawned detached. */
function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid);
  } catch {
    // all of it has ended
  }
}

async function hide(
  { processes }: OpeningParts,
  path: string,
  whereabouts: Master["whereabouts"],
): Promise<Master> {
  const hidden = HiddenSocket.nameless(path);
  const strangers = connectionsTo(path);
  const socket = listenerOf(() => hidden.connect())?.socket;
  const check = (pid: number): void => {
    if (strangers > 0) {
      throw new Error(
        "another process connected to the master while it started; who watches your runtime folder?",
      );
    }
    checkMaster(pid, path, socket);
  };
  try {
    return await Master.greet({ hidden, check, identify: (pid) => processes.read(pid), whereabouts });
  } catch (error) {
    hidden.close();
    endListeners(path, socket || undefined); // nobody could reach it any more
    throw error;
  }
}

/** What ssh said last is why it ended. */
function lastLines(stderr: string): string {
  const lines = stderr
    .trim()
    .split(/\r?\n/)
    .filter((line) => line !== "");
  return (
    lines
      .slice(-3)
      .map((line) => visible(line, 200))
      .join("; ") || "no reason given"
  );
}

/** Where the guard's own ssh finds its agent. */
export function agentSocketOf(folder: string): string {
  return join(folder, "agent.sock");
}

export function askpassSocketOf(folder: string): string {
  return join(folder, "prompts.sock");
}
