/**
 * A laboratory whose ssh shares its connections: a control folder that the daemon guards, a server with a key
 * that may log in, and masters that were taken over.
 */
import type { ChildProcess } from "node:child_process";
import { mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { notToldToday } from "../src/runs/unguarded/told.ts";
import { Lab } from "./lab.ts";
import { inodeOf, isAdopted, namesIn, sshProcesses } from "./masters.ts";
import { accepts } from "./network.ts";
import { ended, endOf, type Result, signal, stderrOf, until } from "./processes.ts";
import { PYTHON } from "./programs.ts";

export { inodeOf, namesIn };

export const HOST = "prod.example";

/** As many sessions and logins as a test likes. */
const SERVER = ["MaxSessions 1000", "MaxStartups 1000", "AcceptEnv LC_* GREETING", "LogLevel VERBOSE"];

/** A program that listens at a path, says so, and ends with its stdin. */
export const LISTEN = `
import socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
print("listens", flush=True)
sys.stdin.read()
`;

export class MuxLab extends Lab {
  readonly sockets = this.path("sockets");
  /** The daemon. */
  daemon: ChildProcess | undefined;
  #said = (): string => "";

  constructor() {
    super();
    mkdirSync(this.sockets, { mode: 0o700 });
    // the first value counts: ahead of the laboratory's `ControlPath none`
    // of the master too, or it passes on none: client_session2_setup()
    const environment = ["SendEnv LC_GUARD LC_OTHER", "SetEnv GREETING=hello"];
    this.host("*.example", [`ControlPath ${this.sockets}/%n`, "ControlMaster auto", ...environment]);
    this.settings("");
    // what is told of once a day was told: without a daemon nobody looks at shared connections, and rides are
    // not confined
    mkdirSync(this.path("state/muxguard"), { mode: 0o700 });
    const ways = [`controlmaster ${this.sockets}`, "no-confine"].map((id) => ({ id, text: "" }));
    notToldToday(this.path("state/muxguard/told.json"), ways);
  }

  /** Sets config.toml beside the control folder. */
  settings(text: string): void {
    this.config(`control_dirs = ["${this.sockets}"]\n${text}`);
  }

  /** An agent, a server and the daemon; what is run from here on has the guarded agent. */
  async open(...serverConfig: string[]): Promise<void> {
    const key = this.key("me@laptop");
    await this.startAgent("upstream.sock", key);
    // the start-up files of whoever runs the tests are no part of them, and may take longer than all else
    const home = `SetEnv HOME=${this.folder}`;
    await this.startServer(HOST, key, { config: [...SERVER, home, ...serverConfig] });
    await this.guard();
    this.environment.SSH_AUTH_SOCK = this.agentSocket;
  }

  /** Starts the daemon, or another one after its end. It has the agent itself behind it. */
  async guard(): Promise<void> {
    const guarded = this.environment.SSH_AUTH_SOCK;
    this.environment.SSH_AUTH_SOCK = this.path("upstream.sock");
    this.daemon = await this.startDaemon();
    this.#said = stderrOf(this.daemon);
    if (guarded !== undefined) this.environment.SSH_AUTH_SOCK = guarded;
  }

  /** Ends the daemon, and waits for its end. */
  async endGuard(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    this.daemon?.kill(signal);
    if (this.daemon) await ended(this.daemon);
  }

  async restart(): Promise<void> {
    await this.endGuard();
    await this.guard();
  }

  /** Another program's socket. It comes to its place once somebody listens: before, nobody could say whose it is. */
  async listen(path: string): Promise<ChildProcess> {
    const elsewhere = this.path("elsewhere.sock");
    const child = this.start(PYTHON, ["-c", LISTEN, elsewhere]);
    await until(() => accepts(elsewhere), "a listener");
    renameSync(elsewhere, path);
    return child;
  }

  /** What the daemon has told on its stderr, but that it has no screen to ask on. */
  get told(): string {
    return this.#said().replace(/^muxguard: .*nobody is asked on a screen.*\n/, "");
  }

  controlPath(host = HOST): string {
    return join(this.sockets, host);
  }

  ssh(...args: string[]): Promise<Result> {
    return this.run("ssh", ["-F", this.sshConfig, ...args]);
  }

  /** Runs a line of sh with `$ssh` for ssh, in the laboratory's folder. */
  shell(line: string): Promise<Result> {
    return this.run("/bin/sh", ["-c", `ssh="ssh -F ${this.sshConfig}"; ${line}`]);
  }

  /** Makes a master, and waits until the guard has taken it over. Returns the master's pid. */
  async startMaster(host = HOST, ...options: string[]): Promise<number> {
    const { code, stderr } = await this.ssh("-M", "-N", "-f", ...options, host);
    if (code !== 0) throw new Error(`no master for ${host}: ${stderr}`);
    await until(() => this.isAdopted(host), `the adoption of ${host}`);
    return this.masterPid(host);
  }

  /** Makes a master that the guard knows nothing of. Returns the options that lead to it. */
  async startPlainMaster(host = HOST): Promise<string[]> {
    const path = this.path(`${host}.plain`);
    rmSync(path, { force: true }); // of one that was killed
    const options = ["-S", path];
    const { code, stderr } = await this.ssh(...options, "-M", "-N", "-f", host);
    if (code !== 0) throw new Error(`no master for ${host}: ${stderr}`);
    return options;
  }

  /** As the control socket has it. */
  async masterPid(host = HOST, ...options: string[]): Promise<number> {
    const { stderr } = await this.ssh(...options, "-O", "check", host);
    return Number(/pid=(\d+)/.exec(stderr)?.[1]);
  }

  isAdopted(host = HOST): boolean {
    return isAdopted(this.controlPath(host));
  }

  /** Ends all of the laboratory's ssh processes, and waits until the control path is free. */
  async endMasters(host = HOST): Promise<void> {
    const path = this.controlPath(host);
    const wasAdopted = this.isAdopted(host);
    const running = (): number[] => sshProcesses(this.folder);
    const end = (): boolean => {
      const pids = running();
      for (const pid of pids) signal(pid); // again and again: one that is just starting may miss it
      return pids.length === 0;
    };
    await until(end, () => `the end of the processes ${running().join()}`);
    // one that starts may leave its socket behind; the guard leaves none
    if (wasAdopted) await until(() => inodeOf(path) === undefined, `the end of ${path}`);
    else rmSync(path, { force: true });
  }

  /** How many logins the host's sshd has seen. */
  logins(host = HOST): number {
    return this.#count(host, "Accepted publickey");
  }

  /** How many connections it has seen, logged in or not. */
  connections(host = HOST): number {
    return this.#count(host, "Connection from");
  }

  /** How many sessions have come to their end there. */
  closedSessions(host = HOST): number {
    return this.#count(host, "Close session");
  }

  #count(host: string, words: string): number {
    return readFileSync(this.path(`${host}.sshd_log`), "utf8").split(words).length - 1;
  }

  override async close(): Promise<void> {
    // before the folder goes, by whose name they are known
    for (const pid of sshProcesses(this.folder)) signal(pid);
    if (this.daemon) await endOf(this.daemon);
    await super.close();
  }
}
