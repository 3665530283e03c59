/**
 * A laboratory of real parts: OpenSSH's agent, servers and clients, and muxguard as it is built, in a folder
 * of its own. Nothing of the user's is touched: the XDG folders are inside, and `ssh -G` reads the
 * laboratory's own ssh_config.
 */
import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { AuditEvent } from "../src/audit/event.ts";
import type { Question } from "../src/policy/question.ts";
import { MUXGUARD, SSHD } from "./programs.ts";

export { MUXGUARD };

export interface Result {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Server {
  name: string;
  port: number;
  /** `known_hosts` form: type and base64. */
  hostKey: string;
  hostKeyFile: string;
}

export interface ServerOptions {
  /** More lines for sshd_config. */
  config?: string[];
  /** How known_hosts should know it: by name, hashed, or not at all. */
  known?: "plain" | "hashed" | "no";
}

const user = userInfo().username;

export class Lab {
  /** Short: a socket's path may have 107 bytes. */
  readonly folder = mkdtempSync(join(tmpdir(), "mg-"));
  readonly environment: NodeJS.ProcessEnv;
  readonly sshConfig = this.path("ssh_config");
  readonly knownHosts = this.path("known_hosts");
  readonly #children: ChildProcess[] = [];
  readonly #hosts: string[] = [];

  constructor() {
    for (const name of ["config", "state", "runtime"]) mkdirSync(this.path(name), { mode: 0o700 });
    mkdirSync(this.path("config/muxguard"));
    const {
      SSH_AUTH_SOCK: _,
      SSH_ASKPASS: __,
      DISPLAY: ___,
      WAYLAND_DISPLAY: ____,
      TMUX: _____,
      DBUS_SESSION_BUS_ADDRESS: ______,
      ...environment
    } = process.env;
    this.environment = {
      ...environment,
      XDG_CONFIG_HOME: this.path("config"),
      XDG_STATE_HOME: this.path("state"),
      XDG_RUNTIME_DIR: this.path("runtime"),
      TMUX_TMPDIR: this.folder,
      DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${this.path("no-system-bus")}`,
    };
    this.config("");
    writeFileSync(this.knownHosts, "");
    writeFileSync(this.sshConfig, "");
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Sets config.toml; `ssh_config` is the laboratory's. */
  config(text: string): void {
    writeFileSync(
      this.path("config/muxguard/config.toml"),
      `ssh_config = "${this.path("ssh_config")}"\n${text}`,
      { mode: 0o600 },
    );
  }

  /** Sets policy.toml. */
  policy(text: string): void {
    writeFileSync(this.path("config/muxguard/policy.toml"), text, { mode: 0o600 });
  }

  /** Makes a key pair with ssh-keygen, and returns the private key's path. */
  key(name: string, ...options: string[]): string {
    const path = this.path(name);
    const type = options.includes("-t") ? [] : ["-t", "ed25519"];
    execFileSync("ssh-keygen", ["-q", "-N", "", "-C", name, "-f", path, ...type, ...options]);
    return path;
  }

  /**
   * Starts an ssh-agent, and returns its socket's path. It becomes the SSH_AUTH_SOCK of what is run from here
   * on.
   */
  async startAgent(name = "upstream.sock", ...keys: string[]): Promise<string> {
    const socket = this.path(name);
    this.start("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
    await until(() => accepts(socket), `ssh-agent at ${socket}`);
    this.environment.SSH_AUTH_SOCK = socket;
    if (keys.length > 0) execFileSync("ssh-add", ["-q", ...keys], { env: this.environment, stdio: "pipe" });
    return socket;
  }

  /** Starts an sshd that `authorizedKey` may log in to as the user who runs the tests. */
  async startServer(name: string, authorizedKey: string, options: ServerOptions = {}): Promise<Server> {
    const hostKeyFile = this.key(`${name}.hostkey`);
    const port = await freePort();
    const config = [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${hostKeyFile}`,
      "PidFile none",
      `AuthorizedKeysFile ${authorizedKey}.pub`,
      "StrictModes no",
      "UsePAM no",
      "PasswordAuthentication no",
      "AllowAgentForwarding yes",
      "Subsystem sftp internal-sftp",
      ...(options.config ?? []),
    ];
    writeFileSync(this.path(`${name}.sshd_config`), `${config.join("\n")}\n`);
    if (userInfo().uid === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
    const log = this.path(`${name}.sshd_log`);
    this.start(SSHD, ["-D", "-f", this.path(`${name}.sshd_config`), "-E", log], { stdio: "ignore" });
    await until(
      () => existsSync(log) && readFileSync(log, "utf8").includes("Server listening"),
      `sshd of ${name}`,
    );
    const hostKey = readFileSync(`${hostKeyFile}.pub`, "utf8").split(" ").slice(0, 2).join(" ");
    this.#announce(name, port, hostKey, options.known ?? "plain");
    return { name, port, hostKey, hostKeyFile };
  }

  #announce(name: string, port: number, hostKey: string, known: "plain" | "hashed" | "no"): void {
    this.host(name, [
      "HostName 127.0.0.1",
      `HostKeyAlias ${name}`,
      `Port ${port}`,
      ...(known === "no" ? ["StrictHostKeyChecking no", "UserKnownHostsFile /dev/null"] : []),
    ]);
    if (known === "no") return;
    const line = this.path(`${name}.known`);
    writeFileSync(line, `${name} ${hostKey}\n`);
    if (known === "hashed") execFileSync("ssh-keygen", ["-q", "-H", "-f", line], { stdio: "ignore" });
    appendFileSync(this.knownHosts, readFileSync(line));
  }

  /** Adds a Host to ssh_config. */
  host(name: string, lines: string[]): void {
    this.#hosts.push(`Host ${name}\n${lines.map((line) => `  ${line}\n`).join("")}`);
    const common = [
      `User ${user}`,
      `UserKnownHostsFile ${this.knownHosts}`,
      "GlobalKnownHostsFile /dev/null",
    ];
    const quiet = ["ControlPath none", "BatchMode yes", "LogLevel ERROR"];
    const all = `Host *\n${[...common, ...quiet].map((line) => `  ${line}\n`).join("")}`;
    writeFileSync(this.sshConfig, [...this.#hosts, all].join(""));
  }

  /** Starts a program that ends with the laboratory. */
  start(command: string, args: string[], options: SpawnOptions = {}): ChildProcess {
    const child = spawn(command, args, { cwd: this.folder, env: this.environment, ...options });
    this.#children.push(child);
    return child;
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

  muxguard(...args: string[]): Promise<Result> {
    return this.run(process.execPath, [MUXGUARD, ...args]);
  }

  /** `muxguard run -- ssh` with the laboratory's ssh_config. */
  guardedSsh(...args: string[]): Promise<Result> {
    return this.muxguard("run", "--", "ssh", "-F", this.sshConfig, ...args);
  }

  /** Starts the daemon in the foreground and waits until it serves. What it says is in the child's stderr. */
  async startDaemon(): Promise<ChildProcess> {
    const child = this.start(process.execPath, [MUXGUARD, "daemon", "--foreground"], { detached: true });
    // what a killed daemon left behind is there, and nobody listens
    await until(() => accepts(this.daemonSocket), "the daemon");
    return child;
  }

  /** A `muxguard run` that goes on until the laboratory ends: the agent socket that it gives its command. */
  async holdRun(...options: string[]): Promise<{ socket: string; child: ChildProcess }> {
    const command = ["/bin/sh", "-c", 'echo "$SSH_AUTH_SOCK"; exec cat'];
    const child = this.start(process.execPath, [MUXGUARD, "run", ...options, "--", ...command], {
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
    await until(ask, `${count} questions`);
    return questions;
  }

  get agentSocket(): string {
    return this.path("runtime/muxguard/agent.sock");
  }

  get daemonSocket(): string {
    return this.path("runtime/muxguard/daemon.sock");
  }

  get logFile(): string {
    return this.path("state/muxguard/log.jsonl");
  }

  /** What the log holds. */
  log(): AuditEvent[] {
    if (!existsSync(this.logFile)) return [];
    const lines = readFileSync(this.logFile, "utf8").split("\n");
    return lines.filter((line) => line !== "").map((line) => JSON.parse(line));
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
    for (const child of this.#children)
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
    await Promise.all(this.#children.map((child) => ended(child)));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What a program printed from now on, and how it ended. */
export function finished(child: ChildProcess): Promise<Result> {
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

/** Reads a program's stderr from now on. Returns what came so far. */
export function stderrOf(child: ChildProcess): () => string {
  let text = "";
  child.stderr?.setEncoding("utf8").on("data", (more: string) => {
    text += more;
  });
  return () => text;
}

export function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined)
    return Promise.resolve();
  return new Promise((resolve) => child.once("exit", () => resolve()));
}

/** Waits for something that another process brings about. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string | (() => string),
  limit = 20_000,
): Promise<void> {
  const end = Date.now() + limit;
  while (!(await condition())) {
    if (Date.now() > end)
      throw new Error(`waited ${limit} ms in vain for ${typeof what === "string" ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Whether somebody listens at the path of a socket. */
export function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once("error", () => resolve(false));
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
  });
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        address && typeof address === "object" ? resolve(address.port) : reject(new Error("no port")),
      );
    });
  });
}
