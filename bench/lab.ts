/**
 * What is compared: a real ssh-agent with one Ed25519 key, and the proxies in front of it, each a process of
 * its own. Each is started when it is first asked for.
 */
import { type ChildProcess, execFileSync, type SpawnOptions } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PrivateBus } from "../lab/message-bus.ts";
import { askpassProgram, muxguardProgram } from "../src/installation.ts";
import { NODE } from "./as-ssh.ts";
import { hostLine } from "./login.ts";
import { output, Processes, ready } from "./processes.ts";

export const muxguard = muxguardProgram();
const askpass = askpassProgram();
const passThrough = join(import.meta.dirname, "pass-through.js"); // beside the bench in dist/

/**
 * A few rules that don't match, then those that do: a rule allows opaque data, a remembered approval logins.
 */
const rules = `
default = "deny"

[[rule]]
name = "never production"
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
  stderr?: "inherit" | "ignore";
}

export interface RunningGuard {
  socket: string;
  pid: number;
  /** In which muxguard's commands find it. */
  environment: NodeJS.ProcessEnv;
  /** Its ssh_config and known_hosts, to which hosts may be added. */
  sshConfig: string;
  knownHosts: string;
}

export class Lab {
  readonly #processes: Processes;
  readonly agentSocket: string;
  /** The blob of the agent's one key. */
  readonly key: Buffer;
  #passThrough: Promise<string> | undefined;
  #filter: Promise<string | undefined> | undefined;
  #guard: Promise<RunningGuard> | undefined;
  #guards = 0;

  private constructor(processes: Processes, agentSocket: string, key: Buffer) {
    this.#processes = processes;
    this.agentSocket = agentSocket;
    this.key = key;
  }

  static async open(): Promise<Lab> {
    const processes = new Processes();
    const agentSocket = join(processes.folder, "agent");
    await ready(
      processes.spawn("ssh-agent", ["-D", "-a", agentSocket], { stdio: ["ignore", "pipe", "inherit"] }),
    );
    return new Lab(processes, agentSocket, addKey(processes.folder, agentSocket));
  }

  close(): Promise<void> {
    return this.#processes.close();
  }

  passThrough(): Promise<string> {
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
    const home = this.#home();
    const environment = { ...this.#environment(home, options), ...options.environment };
    const args = [muxguard, "daemon", "--foreground"];
    const child = this.#processes.spawn(NODE, args, {
      env: environment,
      stdio: ["ignore", "ignore", options.stderr ?? "inherit", "ipc"],
    });
    await ready(child);
    child.disconnect();
    const { pid } = child;
    if (pid === undefined) throw new Error("the guard has no pid");
    return {
      socket: join(home, "run/muxguard/agent.sock"),
      pid,
      environment,
      sshConfig: join(home, "ssh_config"),
      knownHosts: join(home, "known_hosts"),
    };
  }

  /** A message bus that nobody else uses. */
  startBus(): Promise<PrivateBus> {
    const start = (command: string, args: string[], options: SpawnOptions): ChildProcess =>
      this.#processes.spawn(command, args, options);
    return PrivateBus.start(this.#processes.folder, start);
  }

  /** For a muxguard that knows nothing of the user's own, nor of other guards. */
  environment(): NodeJS.ProcessEnv {
    return this.#environment(this.#home());
  }

  #home(): string {
    return join(this.#processes.folder, `guard${this.#guards++}`);
  }

  #environment(
    home: string,
    { config = 'approvers = ["askpass"]', policy = rules }: GuardOptions = {},
  ): NodeJS.ProcessEnv {
    const folder = (name: string): string => join(home, name);
    for (const name of ["run", "state", "config/muxguard"])
      mkdirSync(folder(name), { recursive: true, mode: 0o700 });
    const write = (name: string, text: string): void => writeFileSync(folder(name), text);
    write("config/muxguard/policy.toml", policy);
    write("config/muxguard/config.toml", `ssh_config = "${folder("ssh_config")}"\n${config}\n`);
    write("ssh_config", `UserKnownHostsFile ${folder("known_hosts")}\nGlobalKnownHostsFile none\n`);
    write("known_hosts", `${hostLine}\n`);
    return {
      ...process.env,
      XDG_CONFIG_HOME: folder("config"),
      XDG_RUNTIME_DIR: folder("run"),
      XDG_STATE_HOME: folder("state"),
      SSH_AUTH_SOCK: this.agentSocket,
      SSH_ASKPASS: "true", // a person who says yes
      SSH_ASKPASS_REQUIRE: "force",
      DISPLAY: "", // on a display, nobody would be so quick
      WAYLAND_DISPLAY: "",
    };
  }

  get folder(): string {
    return this.#processes.folder;
  }

  /** Of the agent's one key. */
  get keyFile(): string {
    return keyFileIn(this.folder);
  }

  /** Starts a process that ends with the lab, if not before. */
  spawn(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
    return this.#processes.spawn(command, args, options);
  }

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
    return this.run(NODE, [muxguard, ...args], environment);
  }

  runAskpass(question: string, environment: NodeJS.ProcessEnv): Promise<void> {
    return this.run(NODE, [askpass, question], environment);
  }

  async #startPassThrough(): Promise<string> {
    const socket = join(this.#processes.folder, "pass-through");
    const child = this.#processes.spawn(NODE, [passThrough, socket, this.agentSocket], {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    await ready(child);
    return socket;
  }

  /**
   * It puts itself into the background, with a socket in the working directory, as ssh-agent does with its
   * one.
   */
  async #startFilter(): Promise<string | undefined> {
    const child = this.#processes.spawn("ssh-agent-filter", ["--comment", "bench"], {
      cwd: this.#processes.folder,
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

function keyFileIn(folder: string): string {
  return join(folder, "key");
}

/** Returns the key's blob. */
function addKey(folder: string, agentSocket: string): Buffer {
  const file = keyFileIn(folder);
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", file]);
  execFileSync("ssh-add", ["-q", file], { env: { ...process.env, SSH_AUTH_SOCK: agentSocket } });
  return Buffer.from(readFileSync(`${file}.pub`, "utf8").split(" ")[1] ?? "", "base64");
}
