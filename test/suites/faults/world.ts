/**
 * What is killed, and comes back: the agent behind the guard, its daemon, and a master that the guard has taken
 * over. Beside them an sshd, which stays, and which records what was done.
 */
import type { ChildProcess } from "node:child_process";
import { closeSync, copyFileSync, mkdirSync, openSync, rmSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { addKeys, makeKey } from "../../../lab/agent.ts";
import type { Home } from "../../../lab/home.ts";
import { isAdopted } from "../../../lab/masters.ts";
import { ended, endOf, firstWords, Processes, until } from "../../../lab/processes.ts";
import { startSshd } from "../../../lab/servers/sshd.ts";
import { startDaemon, transparentHome } from "../guard.ts";

export const HOST = "box.example";

type Part = "daemon" | "master" | "agent";

/** Before it is started anew where it did not come up, in milliseconds. */
const PAUSE = 100;

/** In milliseconds: no master is adopted while there is no daemon. */
const ADOPTION = 20_000;

export class World {
  readonly home: Home;
  readonly #folder: string;
  readonly #processes = new Processes();
  /** Those that are in place. */
  readonly #parts = new Map<Part, ChildProcess>();
  #masters = 0;
  #master: string | undefined;
  #keepers: Promise<void>[] = [];
  #stopping = false;

  private constructor(folder: string) {
    this.#folder = folder;
    this.home = transparentHome(join(folder, "home"));
    for (const name of ["masters", "keys"]) mkdirSync(this.path(name), { mode: 0o700 });
    this.home.config(`control_dirs = [${JSON.stringify(this.path("masters"))}]\n`);
  }

  static async open(folder: string): Promise<World> {
    const world = new World(folder);
    makeKey(world.#privateKey, "suite");
    copyFileSync(`${world.#privateKey}.pub`, world.publicKey);
    await world.#startServer();
    world.#keepers = [
      world.#keep("agent", () => world.#startAgent()),
      world.#keep("daemon", () => startDaemon(world.start, world.home, world.#upstream)),
      world.#keep("master", () => world.#startMaster()),
    ];
    return world;
  }

  readonly start = this.#processes.start.bind(this.#processes);

  path(name: string): string {
    return join(this.#folder, name);
  }

  /** Beside which there is no private key that could be used instead of the agent. */
  get publicKey(): string {
    return this.path("suite.pub");
  }

  get #privateKey(): string {
    return this.path("keys/suite");
  }

  /** Of who uses the guard. */
  get environment(): NodeJS.ProcessEnv {
    return { ...this.home.environment, SSH_AUTH_SOCK: this.home.agentSocket };
  }

  /** Undefined where it is not in place. */
  part(part: Part): ChildProcess | undefined {
    return this.#parts.get(part);
  }

  /** The control path of the guarded master. Nobody is led to it before the guard stands there. */
  get master(): string | undefined {
    return this.part("master") && this.#master;
  }

  get #upstream(): string {
    return this.path("agent");
  }

  async #startServer(): Promise<void> {
    const config = ["MaxSessions 1000", "MaxStartups 1000", "LogLevel VERBOSE"];
    const authorizedKeys = this.publicKey;
    const server = await startSshd(this.start, { folder: this.#folder, name: "box", authorizedKeys, config });
    this.home.hosts.announce(HOST, server);
    const user = `User ${userInfo().username}`;
    this.home.hosts.host("*", [user, "BatchMode yes", "ControlPath none", "LogLevel ERROR"]);
  }

  /** Which says on its stderr what it is asked for. */
  async #startAgent(): Promise<ChildProcess> {
    rmSync(this.#upstream, { force: true });
    const stderr = openSync(this.path("agent_log"), "a");
    const agent = this.start("ssh-agent", ["-d", "-a", this.#upstream], {
      stdio: ["ignore", "pipe", stderr],
    });
    closeSync(stderr);
    await firstWords(agent);
    addKeys(this.#upstream, this.#privateKey);
    return agent;
  }

  async #startMaster(): Promise<ChildProcess> {
    const path = this.path(`masters/${this.#masters++}`);
    const args = ["-F", this.home.hosts.config, "-M", "-N", "-S", path, HOST];
    const master = this.start("ssh", args, { env: this.environment, stdio: "ignore" });
    await until(
      () => isAdopted(path) || master.exitCode !== null || master.signalCode !== null,
      path,
      ADOPTION,
    ).catch(() => master.kill());
    if (isAdopted(path)) this.#master = path;
    else await endOf(master);
    return master;
  }

  /** Starts it again whenever it has ended. */
  async #keep(part: Part, startIt: () => Promise<ChildProcess>): Promise<void> {
    while (!this.#stopping) {
      const child = await startIt().catch(() => undefined);
      if (child) {
        this.#parts.set(part, child);
        await ended(child);
        this.#parts.delete(part);
      } else await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }

  /** Ends the daemon first, then what it has stood in front of. */
  async close(): Promise<void> {
    this.#stopping = true;
    for (const part of ["daemon", "master", "agent"] as const) {
      const child = this.#parts.get(part);
      if (child) await endOf(child);
    }
    await Promise.all(this.#keepers);
    await this.#processes.close();
  }
}
