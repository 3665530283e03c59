/**
 * A laboratory for connections that the guard opens itself: no control folder is watched, and the guard has
 * the agent behind it.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";
import { MUXGUARD, type Result, type Server, type ServerOptions } from "./lab.ts";
import { HOST, MuxLab } from "./mux-lab.ts";

export class OpenLab extends MuxLab {
  readonly program = MUXGUARD;
  readonly #hasDaemon: boolean;
  /** Of HOST. */
  port = 0;

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
    if (name === HOST) this.port = server.port;
    return server;
  }

  /** The pids of the masters that a guard of the laboratory has opened. */
  masters(): number[] {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name) && this.#isMaster(name))
      .map(Number);
  }

  #isMaster(pid: string): boolean {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      const isOurs = words.some((word) => word.startsWith(`${this.folder}/`));
      return basename(readlinkSync(`/proc/${pid}/exe`)) === "ssh" && words.includes("-M") && isOurs;
    } catch {
      return false; // ended, or another user's
    }
  }

  /** `muxguard run --ride` of a line of sh. */
  ride(line: string, ...options: string[]): Promise<Result> {
    return this.run(process.execPath, [MUXGUARD, "run", "--ride", ...options, "--", "/bin/sh", "-c", line]);
  }
}
