/**
 * A laboratory for connections that the guard opens itself: no control folder is watched, and the guard has
 * the agent behind it.
 */
import type { ChildProcess, SpawnOptions } from "node:child_process";
import type { ServerOptions } from "./lab.ts";
import { sshProcesses } from "./masters.ts";
import { HOST, MuxLab } from "./mux-lab.ts";
import { type Result, signal, until } from "./processes.ts";
import { MUXGUARD } from "./programs.ts";
import type { Server } from "./servers/sshd.ts";

export class OpenLab extends MuxLab {
  readonly program = MUXGUARD;
  readonly #hasDaemon: boolean;
  readonly #ports = new Map<string, number>();

  constructor({ hasDaemon = true } = {}) {
    super();
    this.#hasDaemon = hasDaemon;
  }

  override async open(...serverConfig: string[]): Promise<void> {
    await super.open(...serverConfig);
    if (!this.#hasDaemon) this.environment.SSH_AUTH_SOCK = this.path("upstream.sock");
  }

  override async guard(): Promise<void> {
    if (this.#hasDaemon) await super.guard();
  }

  override settings(text: string): void {
    this.config(text);
  }

  override async startServer(name: string, key: string, options?: ServerOptions): Promise<Server> {
    const server = await super.startServer(name, key, options);
    this.#ports.set(name, server.port);
    return server;
  }

  /** Of HOST. */
  get port(): number {
    return this.portOf(HOST);
  }

  portOf(name: string): number {
    return this.#ports.get(name) ?? 0;
  }

  /** The pids of the masters that a guard of the laboratory has opened. */
  masters(): number[] {
    return sshProcesses(this.folder, "-M");
  }

  /** Ends them, and waits until the guard has taken note. */
  async endOpened(): Promise<void> {
    for (const pid of this.masters()) signal(pid);
    await until(() => this.masters().length === 0, "the end of all masters");
    const connections = async () => (await this.muxguard("status")).stdout.includes("connection");
    await until(async () => !(await connections()), "the listeners' end");
  }

  /** `muxguard run --ride --no-confine` of a line of sh: what a ride does, whatever confines it. */
  ride(line: string, ...options: string[]): Promise<Result> {
    return this.run(process.execPath, rideOf(line, ...options));
  }

  /** The same, which goes on. */
  startRide(line: string, options?: SpawnOptions): ChildProcess {
    return this.start(process.execPath, rideOf(line), options);
  }
}

function rideOf(line: string, ...options: string[]): string[] {
  return [MUXGUARD, "run", "--ride", "--no-confine", ...options, "--", "/bin/sh", "-c", line];
}
