/**
 * A laboratory of real parts: OpenSSH's agent, servers and clients, and muxguard as it is built, in a folder
 * of its own. Nothing of the user's is touched: the XDG folders are inside, and `ssh -G` reads the
 * laboratory's own ssh_config.
 */
import type { ChildProcess, SpawnOptions } from "node:child_process";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import type { AuditEvent } from "../src/audit/event.ts";
import type { Question } from "../src/policy/question.ts";
import { addKeys, makeKey, startAgent } from "./agent.ts";
import { makeFolder } from "./folder.ts";
import { Home } from "./home.ts";
import { accepts, freePort } from "./network.ts";
import {
  ended,
  finished,
  Processes,
  type Result,
  type Start,
  stderrOf,
  stdoutOf,
  until,
} from "./processes.ts";
import { MUXGUARD } from "./programs.ts";
import { type Server, startSshd } from "./servers/sshd.ts";
import type { Known } from "./ssh-files.ts";

export { accepts, ended, finished, freePort, MUXGUARD, type Result, type Server, stderrOf, stdoutOf, until };

export interface ServerOptions {
  /** More lines for sshd_config. */
  config?: string[];
  /** How known_hosts should know it. */
  known?: Known;
}

/** In milliseconds. Each look is a program, which takes its time from those that are waited for. */
const [LIMIT, PAUSE] = [20_000, 250];

const COMMON = [`User ${userInfo().username}`, "ControlPath none", "BatchMode yes", "LogLevel ERROR"];

export class Lab extends Home {
  readonly #processes = new Processes();

  constructor() {
    super(makeFolder(), COMMON);
  }

  get sshConfig(): string {
    return this.hosts.config;
  }

  get knownHosts(): string {
    return this.hosts.knownHosts;
  }

  /** Makes a key pair with ssh-keygen, and returns the private key's path. */
  key(name: string, ...options: string[]): string {
    const path = this.path(name);
    makeKey(path, name, ...options);
    return path;
  }

  /**
   * Starts an ssh-agent, and returns its socket's path. It becomes the SSH_AUTH_SOCK of what is run from here
   * on.
   */
  async startAgent(name = "upstream.sock", ...keys: string[]): Promise<string> {
    const socket = this.path(name);
    await startAgent((...words) => this.start(...words), socket);
    this.environment.SSH_AUTH_SOCK = socket;
    if (keys.length > 0) addKeys(socket, ...keys);
    return socket;
  }

  /** Starts an sshd that `authorizedKey` may log in to as the user who runs the tests. */
  async startServer(name: string, authorizedKey: string, options: ServerOptions = {}): Promise<Server> {
    const { config = [], known = "plain" } = options;
    const authorizedKeys = `${authorizedKey}.pub`;
    const server = await startSshd(this.#start, { folder: this.folder, name, authorizedKeys, config });
    this.hosts.announce(name, server, known);
    return server;
  }

  /** Adds a Host to ssh_config. */
  host(name: string, lines: string[]): void {
    this.hosts.host(name, lines);
  }

  /** As the user who runs the tests. */
  readonly #start: Start = (command, args, options = {}) =>
    this.#processes.start(command, args, { cwd: this.folder, env: this.environment, ...options });

  /** Starts a program that ends with the laboratory. */
  start(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    return this.#start(command, args, options);
  }

  /** Runs a program to its end. It has no terminal: no /dev/tty either. */
  run(
    command: string,
    args: string[],
    options: { environment?: NodeJS.ProcessEnv; input?: string } = {},
  ): Promise<Result> {
    const env = { ...this.environment, ...options.environment };
    const child = this.start(command, args, { env, detached: true, stdio: ["pipe", "pipe", "pipe"] });
    child.stdin?.on("error", () => {}).end(options.input ?? "");
    return finished(child);
  }

  /** What `muxguard` is in here. */
  get muxguardProgram(): string {
    return MUXGUARD;
  }

  muxguard(...args: string[]): Promise<Result> {
    return this.run(process.execPath, [this.muxguardProgram, ...args]);
  }

  /** `muxguard run -- ssh` with the laboratory's ssh_config. */
  guardedSsh(...args: string[]): Promise<Result> {
    return this.muxguard("run", "--", "ssh", "-F", this.sshConfig, ...args);
  }

  /**
   * Starts the daemon in the foreground and waits until it serves. What it says is in the child's stderr.
   * @param descriptors the most that it may have open, as `ulimit -n` says it
   */
  async startDaemon(descriptors?: number): Promise<ChildProcess> {
    const limit = descriptors === undefined ? "" : `ulimit -n ${descriptors}; `;
    const line = `${limit}exec "$0" "$1" daemon --foreground`;
    const child = this.start("/bin/sh", ["-c", line, process.execPath, this.muxguardProgram], {
      detached: true,
    });
    // what a killed daemon left behind is there, and nobody listens
    await until(() => accepts(this.daemonSocket), "the daemon");
    return child;
  }

  /** A `muxguard run` that goes on until the laboratory ends: the agent socket that it gives its command. */
  async holdRun(...options: string[]): Promise<{ socket: string; child: ChildProcess }> {
    const command = ["/bin/sh", "-c", 'echo "$SSH_AUTH_SOCK"; exec cat'];
    const child = this.start(process.execPath, [this.muxguardProgram, "run", ...options, "--", ...command], {
      detached: true,
    });
    const socket = await new Promise<string>((resolve, reject) => {
      child.stdout?.setEncoding("utf8").once("data", (text: string) => resolve(text.trim()));
      child.once("exit", () => reject(new Error("the run ended before it began")));
    });
    return { socket, child };
  }

  /** The questions that wait for an answer, once there are so many. */
  async pending(count = 1): Promise<Question[]> {
    let questions: Question[] = [];
    const ask = async (): Promise<boolean> => {
      const { stdout } = await this.muxguard("pending", "--json");
      questions = stdout.split("\n").flatMap((line) => (line === "" ? [] : JSON.parse(line)));
      return questions.length === count;
    };
    await until(ask, `${count} questions`, LIMIT, PAUSE);
    return questions;
  }

  /** The only entry of its kind that was added while `action` ran. */
  async logged<T>(action: () => Promise<T>): Promise<{ result: T; events: AuditEvent[] }> {
    const before = this.log().length;
    const result = await action();
    return { result, events: this.log().slice(before) };
  }

  /** An executable script. */
  script(name: string, text: string): string {
    const path = this.path(name);
    writeFileSync(path, text);
    chmodSync(path, 0o755);
    return path;
  }

  async close(): Promise<void> {
    await this.#processes.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
