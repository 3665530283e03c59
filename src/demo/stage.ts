/**
 * What the demo plays on: a folder of its own with settings, servers, a key and an agent. Nothing outside of
 * it is read or written, and nothing is left of it, whatever happens in between.
 */
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { promisify } from "node:util";
import { createKey, startAgent } from "../../lab/agent.ts";
import { makeFolder } from "../../lab/folder.ts";
import { Home } from "../../lab/home.ts";
import { firstWords, Processes } from "../../lab/processes.ts";
import type { EmbeddedServer } from "../../lab/servers/embedded-server.ts";
import { hasCode } from "../errors.ts";
import { startServer } from "./server.ts";

export interface DemoHost {
  name: string;
  /** What its server answers to every command. */
  answer: string;
}

/** From here on clients tell the agent where they log in to (session-bind@openssh.com). */
const FIRST_OPENSSH = [8, 9] as const;

/** Keeps ssh away from the user's keys, and from asking anything itself. */
const FOR_ALL_HOSTS = [
  "StrictHostKeyChecking yes",
  "IdentityFile none",
  "PreferredAuthentications publickey",
  "BatchMode yes",
  "ControlPath none",
  // ssh2 has no post-quantum key exchange, of which OpenSSH 10.1 would warn; older ones don't know the setting
  "IgnoreUnknown WarnWeakCrypto",
  "WarnWeakCrypto no",
];

const run = promisify(execFile);

export class Stage {
  readonly home = new Home(makeFolder(), FOR_ALL_HOSTS);
  readonly #processes = new Processes();
  readonly #servers = new Map<string, EmbeddedServer>();

  /** Runs it on a stage with these hosts, and removes the stage. */
  static async with(hosts: readonly DemoHost[], act: (stage: Stage) => Promise<void>): Promise<void> {
    await checkVersion();
    const stage = new Stage();
    const end = (): void => stage.#end();
    process.once("exit", end); // for what no finally sees
    try {
      await stage.#setUp(hosts);
      await act(stage);
    } catch (error) {
      throw explained(error);
    } finally {
      await stage.#processes.close();
      end();
      process.removeListener("exit", end);
    }
  }

  #end(): void {
    this.#processes.kill();
    for (const server of this.#servers.values()) server.close();
    rmSync(this.home.folder, { recursive: true, force: true });
  }

  async #setUp(hosts: readonly DemoHost[]): Promise<void> {
    const { home } = this;
    const agent = home.path("agent");
    // detached: Ctrl-C is for the demo, which ends it
    await startAgent((...words) => this.#processes.start(...words), agent, { detached: true });
    home.environment.SSH_AUTH_SOCK = agent;
    home.environment.DBUS_SESSION_BUS_ADDRESS = "disabled:"; // its questions are for the terminal
    home.config('approvers = ["terminal"] # no window of a desktop\n');
    const key = home.path("key");
    await createKey(key, "throwaway");
    await run("ssh-add", ["-q", key], { env: home.environment });
    rmSync(key); // the agent has it: from now on there is no way but through the agent
    for (const host of hosts) await this.#startServer(host, readFileSync(`${key}.pub`, "utf8"));
  }

  async #startServer({ name, answer }: DemoHost, authorizedKey: string): Promise<void> {
    const path = this.home.path(name);
    await createKey(path, name);
    const server = await startServer({ hostKey: readFileSync(path, "utf8"), authorizedKey, answer });
    this.#servers.set(name, server);
    const hostKey = readFileSync(`${path}.pub`, "utf8").split(" ").slice(0, 2).join(" ");
    this.home.hosts.announce(name, { port: server.port, hostKey });
  }

  /** Has ssh look for a shared connection to the host, and make none by itself. */
  shareConnectionsTo(host: string): void {
    mkdirSync(this.home.path("sockets"), { mode: 0o700 });
    this.home.hosts.host(host, ["User ops", `ControlPath "${this.home.path("sockets/%n")}"`]);
  }

  /** How many logins the host's own server has seen. */
  logins(host: string): number {
    return this.#servers.get(host)?.logins() ?? 0;
  }

  /** Resolves once a daemon serves. From then on its agent is that of what is run. */
  async startDaemon(): Promise<void> {
    const [, script = ""] = process.argv;
    const daemon = this.#processes.start(process.execPath, [script, "daemon", "--foreground"], {
      env: this.home.environment,
      detached: true,
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    await firstWords(daemon);
    daemon.disconnect();
    this.home.environment.SSH_AUTH_SOCK = this.home.agentSocket;
  }
}

async function checkVersion(): Promise<void> {
  const { stderr } = await run("ssh", ["-V"]).catch((error) => Promise.reject(explained(error)));
  const [, major, minor] = /OpenSSH_(\d+)\.(\d+)/.exec(stderr) ?? [];
  const [firstMajor, firstMinor] = FIRST_OPENSSH;
  const isOlder = Number(major) < firstMajor || (Number(major) === firstMajor && Number(minor) < firstMinor);
  if (major === undefined || isOlder)
    throw new Error(`the demo needs OpenSSH ${FIRST_OPENSSH.join(".")} or later; here is ${stderr.trim()}`);
}

/** A program that is missing. */
function explained(error: unknown): unknown {
  const { path } = error as NodeJS.ErrnoException;
  if (!hasCode(error, "ENOENT") || !path?.startsWith("ssh")) return error;
  return new Error(`${path}: command not found; the demo needs OpenSSH's client (openssh-client)`);
}
