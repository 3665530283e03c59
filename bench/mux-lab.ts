/**
 * What sessions are measured with: a real sshd on the loopback interface, a guard, and two masters of the same kind that lead there at the same
 * time, one with the guard in front of it.
 */
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, listenFarFrom } from "./far.ts";
import type { Lab, RunningGuard } from "./lab.ts";
import { ready } from "./processes.ts";

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
  static async open(lab: Lab): Promise<MuxLab> {
    const guard = await lab.startGuard();
    const folder = join(lab.folder, `mux${guard.pid}`);
    mkdirSync(folder, { mode: 0o700 });
    const mux = new MuxLab(lab, guard, folder);
    const port = await mux.#startServer();
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
      await ready(
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
    return ["-F", this.guard.sshConfig, "-S", controlPath];
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

  /** Returns its port. It lets the agent's key in, as whoever runs the bench. */
  async #startServer(): Promise<number> {
    const file = (name: string): string => join(this.#folder, name);
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file("host_key")]);
    writeFileSync(file("authorized_keys"), `ssh-ed25519 ${this.lab.key.toString("base64")}\n`);
    const port = await freePort();
    const config = [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${file("host_key")}`,
      `AuthorizedKeysFile ${file("authorized_keys")}`,
      "PidFile none",
      "StrictModes no",
      "UsePAM no",
      "MaxSessions 2000",
      `SetEnv HOME=${this.#folder}`, // the user's own start-up files are no part of this
    ];
    writeFileSync(file("sshd_config"), `${config.join("\n")}\n`);
    if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true });
    const args = ["-D", "-e", "-f", file("sshd_config")];
    await ready(this.lab.spawn("/usr/sbin/sshd", args, { stdio: ["ignore", "ignore", "pipe"] }));
    appendFileSync(this.guard.knownHosts, `${HOST} ${readFileSync(file("host_key.pub"), "utf8")}`);
    return port;
  }

  #addHost(name: string, port: number): void {
    const lines = [
      `Host ${name}`,
      "HostName 127.0.0.1",
      `Port ${port}`,
      `HostKeyAlias ${HOST}`,
      "BatchMode yes",
    ];
    appendFileSync(this.guard.sshConfig, `${lines.join("\n")}\n`);
  }
}
