/**
 * What stands between the guard and a command on a pty of its own: a shell that leads the pty's session, and
 * has the command as its job. So the command can be stopped as on any terminal: the kernel stops nothing that
 * has no parent in its own session (is_current_pgrp_orphaned()). It is what sudo calls its monitor
 * (sudo-rs, src/exec/use_pty/monitor.rs). Node could lead no session without a second process of Node's.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import type { Duplex } from "node:stream";
import { signalFirstChild } from "../proc/signal.ts";
import { spared } from "./spared.ts";

/** Opens the pty, which becomes its controlling terminal: it leads a session that has none. */
const LEAD = ': <>"$1"; shift; exec /bin/sh -m -c "$@"';

/**
 * On descriptor 3 it says which jobs it has left (none: the command has ended) and the exit code, and waits
 * for a line to go on. What a shell says of signals (on stderr) is for nobody; 4 is the command's stderr.
 */
const monitor = (traps: string): string => `exec 2>/dev/null
trap '' INT QUIT
( ${traps}exec "$@" 3>&- 2>&4 4>&- )
code=$?
while jobs >&3; echo "=$code" >&3; read -r go <&3; do fg >/dev/null; code=$?; done
exit $code`;
const MONITOR = monitor("trap - INT QUIT; ");
const DEAF_MONITOR = monitor("trap '' HUP TSTP; ");

export interface MonitorOptions {
  command: readonly string[];
  env: NodeJS.ProcessEnv;
  /** The pty, and its path. */
  slave: number;
  path: string;
  /** Whether the command's stderr is the pty, too; else it is this process's. */
  hasStderr: boolean;
  /** The command line that starts another one as the run's. */
  wrap: (command: readonly string[]) => string[];
  /** Whether the command begins with the signals of a terminal ignored: SIGINT, SIGQUIT, SIGHUP, SIGTSTP. */
  isDeaf?: boolean;
  /** Handed on to the command, from 5 on. */
  descriptors?: readonly number[];
  stopped: () => void;
}

export class Monitor {
  /** The command's exit code, as a shell has it. Rejects where it could not be started. */
  readonly ended: Promise<number>;
  readonly #child: ChildProcess;
  readonly #exit: Promise<number>;
  readonly #stopped: () => void;
  #said = "";
  #isOver = false;

  constructor(options: MonitorOptions) {
    const { command, env, slave, path, hasStderr, wrap, descriptors = [], stopped } = options;
    this.#stopped = stopped;
    const { words, environment } = spared(command, env);
    const script = options.isDeaf ? DEAF_MONITOR : MONITOR;
    const [program = "", ...args] = wrap(["/bin/sh", "-c", LEAD, "sh", path, script, "muxguard", ...words]);
    const stdio = [slave, slave, slave, "pipe" as const, hasStderr ? slave : 2, ...descriptors];
    this.#child = spawn(program, args, { env: environment, stdio, detached: true });
    this.#exit = exitCode(this.#child);
    const told = new Promise<number>((resolve) => this.#listen(resolve));
    // one that was killed says nothing any more
    this.ended = Promise.race([told, this.#exit]);
    this.ended.catch(() => {}); // whoever waits is told
  }

  get #channel(): Duplex {
    return this.#child.stdio[3] as Duplex;
  }

  #listen(ended: (code: number) => void): void {
    this.#channel.on("error", () => {}); // it has ended
    this.#channel.setEncoding("utf8").on("data", (text: string) => {
      this.#said += text;
      const [, job, code] = /^(.*\n)*=(\d+)\n$/.exec(this.#said) ?? [];
      if (code === undefined) return;
      this.#said = "";
      if (job === undefined) {
        this.#isOver = true;
        ended(Number(code));
      } else this.#stopped();
    });
  }

  /** A command that has stopped goes on, in the foreground of its pty. */
  resume(): void {
    if (!this.#isOver) this.#channel.write("go\n");
  }

  /** To the command alone. */
  kill(signal: NodeJS.Signals): void {
    const pid = this.#child.pid;
    if (pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    signalFirstChild(pid, signal);
  }

  /** Lets it end, which ends the pty's session. Call it when all output has been read: the rest is lost. */
  async end(): Promise<void> {
    this.#isOver = true;
    this.#channel.destroy();
    await this.#exit.catch(() => {});
  }
}

function exitCode(child: ChildProcess): Promise<number> {
  const code = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) =>
      resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]),
    );
  });
  code.catch(() => {}); // told by `ended`
  return code;
}
