/**
 * What is compared: a real ssh-agent with one Ed25519 key, and the proxies in front of it, each a process of
 * its own. Each is started when it is first asked for. All of it is gone when the bench is, however it ends.
 */
import type { ChildProcess, SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { addKeys, makeKey, startAgent } from "../lab/agent.ts";
import { PrivateBus } from "../lab/desktop/bus.ts";
import { makeFolder } from "../lab/folder.ts";
import { Home } from "../lab/home.ts";
import { firstWords, Processes, type Start } from "../lab/processes.ts";
import { ASKPASS, MUXGUARD } from "../lab/programs.ts";
import { type Server, startSshd } from "../lab/servers/sshd.ts";
import { NODE } from "./as-ssh.ts";
import { hostLine } from "./login.ts";

const passThrough = join(import.meta.dirname, "pass-through.js"); // beside the bench in dist/

/**
 * A few rules that don't match, then those that do: a rule allows opaque data, a remembered approval logins.
 */
const rules = `
default = "deny"

[[rule]]
name = "never production"
on = ["session", "connect"]   # any signature of unknown data could also be for a host
host = "prod.example,*.prod.example"
action = "deny"

[[rule]]
name = "coding agents ask"
scope = "claude"
action = "ask"
remember = "10m"

[[rule]]
name = "git signs"
on = ["sign"]
namespace = "git"
caller = "git"
action = "allow"

[[rule]]
name = "logging in to the bench"
host = "bench.example"
user = "git"
action = "ask"
remember = "1h"

[[rule]]
name = "changes to the agent"
on = ["admin"]
action = "ask"

[[rule]]
name = "the bench"
on = ["sign", "confirm"]
key = "bench"
action = "allow"

[[rule]]
name = "sessions of the bench"
on = ["session", "connect"]
host = "box.example"
command = "*"
action = "allow"
`;

export interface GuardOptions {
  environment?: NodeJS.ProcessEnv;
  /** Of config.toml, beside `ssh_config`. */
  config?: string;
  /** Other rules than the bench's. */
  policy?: string;
  /** Another program than `muxguard daemon`, which goes on listening to the bench. */
  program?: string;
  stderr?: "inherit" | "ignore";
}

export interface RunningGuard {
  home: Home;
  socket: string;
  pid: number;
  child: ChildProcess;
  /** In which muxguard's commands find it. */
  environment: NodeJS.ProcessEnv;
}

export class Lab {
  readonly folder = makeFolder("mgb-");
  readonly agentSocket = join(this.folder, "agent");
  /** Of the agent's one key. */
  readonly keyFile = join(this.folder, "key");
  readonly #processes = new Processes();
  /** The blob of the agent's one key. */
  readonly key: Buffer;
  /** Of the agent. */
  agentPid = Number.NaN;
  #passThrough: Promise<{ socket: string; pid: number }> | undefined;
  #filter: Promise<string | undefined> | undefined;
  #guard: Promise<RunningGuard> | undefined;
  #guards = 0;

  private constructor() {
    process.once("exit", () => this.#end());
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.once(signal, () => process.exit(128 + constants.signals[signal]));
    makeKey(this.keyFile, "bench");
    this.key = Buffer.from(readFileSync(`${this.keyFile}.pub`, "utf8").split(" ")[1] ?? "", "base64");
  }

  static async open(): Promise<Lab> {
    const lab = new Lab();
    lab.agentPid = pidOf(await startAgent(lab.spawn, lab.agentSocket));
    addKeys(lab.agentSocket, lab.keyFile);
    return lab;
  }

  async close(): Promise<void> {
    await this.#processes.close();
    this.#end();
  }

  #end(): void {
    this.#processes.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  passThrough(): Promise<{ socket: string; pid: number }> {
    this.#passThrough ??= this.#startPassThrough();
    return this.#passThrough;
  }

  /** Undefined where it is not installed. */
  filter(): Promise<string | undefined> {
    this.#filter ??= this.#startFilter();
    return this.#filter;
  }

  /** The guard that the sections share. */
  guard(): Promise<RunningGuard> {
    this.#guard ??= this.startGuard();
    return this.#guard;
  }

  /** A guard in a fresh process, with folders, policy and log of its own. */
  async startGuard(options: GuardOptions = {}): Promise<RunningGuard> {
    const home = this.#home(options);
    const environment = { ...home.environment, ...options.environment };
    const { program } = options;
    const args = program === undefined ? [MUXGUARD, "daemon", "--foreground"] : [program];
    const child = this.spawn(NODE, args, {
      env: environment,
      stdio: ["ignore", "ignore", options.stderr ?? "inherit", "ipc"],
    });
    await firstWords(child);
    if (program === undefined) child.disconnect();
    return { home, socket: home.agentSocket, pid: pidOf(child), child, environment };
  }

  /** A message bus that nobody else uses. */
  startBus(): Promise<PrivateBus> {
    return PrivateBus.start(this.folder, this.spawn);
  }

  /** An sshd that lets the agent's key in. @param folder its files, and the home of who logs in */
  startServer(folder: string, name: string): Promise<Server> {
    const authorizedKeys = `${this.keyFile}.pub`;
    // the start-up files of whoever runs the bench are no part of it
    const config = ["MaxSessions 2000", `SetEnv HOME=${folder}`];
    return startSshd(this.spawn, { folder, name, authorizedKeys, config });
  }

  /** For a muxguard that knows nothing of the user's own, nor of other guards. */
  environment(options: GuardOptions = {}): NodeJS.ProcessEnv {
    return this.#home(options).environment;
  }

  #home({ config = 'approvers = ["askpass"]', policy = rules }: GuardOptions = {}): Home {
    const home = new Home(join(this.folder, `guard${this.#guards++}`));
    home.config(`${config}\n`);
    home.policy(policy);
    home.hosts.know(...hostLine);
    const person = { SSH_ASKPASS: "true", SSH_ASKPASS_REQUIRE: "force" }; // who says yes
    Object.assign(home.environment, person, { SSH_AUTH_SOCK: this.agentSocket });
    return home;
  }

  /** Starts a process that ends with the lab, if not before. */
  readonly spawn: Start = (command, args, options) => this.#processes.start(command, args, options);

  /** Runs a command to its end. Rejects if it fails. @param input a descriptor to read from */
  run(
    command: string,
    args: readonly string[],
    environment: NodeJS.ProcessEnv,
    input: number | "ignore" = "ignore",
  ): Promise<void> {
    const child = this.spawn(command, args, { env: environment, stdio: [input, "ignore", "inherit"] });
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code) =>
        code === 0 ? resolve() : reject(new Error(`${command} ended with ${code}`)),
      );
    });
  }

  runMuxguard(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<void> {
    return this.run(NODE, [MUXGUARD, ...args], environment);
  }

  runAskpass(question: string, environment: NodeJS.ProcessEnv): Promise<void> {
    return this.run(NODE, [ASKPASS, question], environment);
  }

  async #startPassThrough(): Promise<{ socket: string; pid: number }> {
    const socket = join(this.folder, "pass-through");
    const stdio: SpawnOptions["stdio"] = ["ignore", "ignore", "inherit", "ipc"];
    const child = this.spawn(NODE, [passThrough, socket, this.agentSocket], { stdio });
    await firstWords(child);
    return { socket, pid: pidOf(child) };
  }

  /**
   * It puts itself into the background, with a socket in the working directory, as ssh-agent does with its
   * one.
   */
  async #startFilter(): Promise<string | undefined> {
    const child = this.spawn("ssh-agent-filter", ["--comment", "bench"], {
      cwd: this.folder,
      env: { ...process.env, SSH_AUTH_SOCK: this.agentSocket },
      stdio: ["ignore", "pipe", "ignore"],
    });
    const shell = await output(child);
    const [, socket] = /SSH_AUTH_SOCK='([^']+)'/.exec(shell) ?? [];
    const [, pid] = /SSH_AGENT_PID='(\d+)'/.exec(shell) ?? [];
    if (pid !== undefined) this.#processes.adopt(Number(pid));
    return socket;
  }
}

function pidOf({ pid, spawnfile }: ChildProcess): number {
  if (pid === undefined) throw new Error(`${spawnfile} has no pid`);
  return pid;
}

/** All that it prints; nothing if there is no such program. */
async function output(child: ChildProcess): Promise<string> {
  const started = once(child, "spawn").then(
    () => true,
    () => false,
  );
  return (await started) && child.stdout ? text(child.stdout) : "";
}
