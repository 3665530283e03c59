/**
 * What sessions are measured with: a real sshd on the loopback interface, a guard, and two masters of the
 * same kind that lead there at the same time, one with the guard in front of it.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { listenFarFrom } from "../lab/network.ts";
import { firstWords } from "../lab/processes.ts";
import type { GuardOptions, Lab, RunningGuard } from "./lab.ts";

/** The policy allows sessions there. */
export const HOST = "box.example";
/** The same server, a round trip of so many milliseconds away. */
export const FAR_HOST = "far.box.example";
export const ROUND_TRIP = 50;

/** Control paths. */
export interface Masters {
  bare: string;
  guarded: string;
}

export class MuxLab {
  readonly lab: Lab;
  readonly guard: RunningGuard;
  readonly #folder: string;

  private constructor(lab: Lab, guard: RunningGuard, folder: string) {
    this.lab = lab;
    this.guard = guard;
    this.#folder = folder;
  }

  /** With a server and a guard in fresh processes. */
  static async open(lab: Lab, options?: GuardOptions): Promise<MuxLab> {
    const guard = await lab.startGuard(options);
    const folder = join(lab.folder, `mux${guard.pid}`);
    mkdirSync(folder, { mode: 0o700 });
    const mux = new MuxLab(lab, guard, folder);
    const { port, hostKey } = await lab.startServer(folder, "box");
    guard.home.hosts.know(HOST, hostKey);
    mux.#addHost(HOST, port);
    mux.#addHost(FAR_HOST, await listenFarFrom(port, ROUND_TRIP));
    return mux;
  }

  /** Two masters that log in as usual; one is then taken over by the guard. */
  async startMasters(host = HOST): Promise<Masters> {
    const masters = { bare: join(this.#folder, `${host}.b`), guarded: join(this.#folder, `${host}.g`) };
    // the command tells that the master listens
    const local = ["-o", "PermitLocalCommand=yes", "-o", "LocalCommand=echo"];
    for (const path of Object.values(masters))
      await firstWords(
        this.lab.spawn("ssh", [...this.arguments(path), "-M", "-N", ...local, host], {
          env: this.environment,
          stdio: ["ignore", "pipe", "inherit"],
        }),
      );
    await this.lab.runMuxguard(["adopt", masters.guarded], this.environment);
    return masters;
  }

  /** Of an ssh that uses the master at the path, or none. */
  arguments(controlPath = "none"): string[] {
    return ["-F", this.guard.home.hosts.config, "-S", controlPath];
  }

  /** Runs a command over there to its end. @param input a descriptor to read from */
  ssh(
    controlPath: string | undefined,
    command: string,
    { host = HOST, input }: { host?: string; input?: number } = {},
  ): Promise<void> {
    return this.lab.run("ssh", [...this.arguments(controlPath), host, command], this.environment, input);
  }

  /** With the guarded agent. */
  get environment(): NodeJS.ProcessEnv {
    return { ...this.guard.environment, SSH_AUTH_SOCK: this.guard.socket };
  }

  #addHost(name: string, port: number): void {
    const lines = ["HostName 127.0.0.1", `Port ${port}`, `HostKeyAlias ${HOST}`, "BatchMode yes"];
    this.guard.home.hosts.host(name, lines);
  }
}
