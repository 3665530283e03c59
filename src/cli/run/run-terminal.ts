/**
 * The command of a run, on a terminal of its own where the run has one, else on what this process has; and
 * what comes to that terminal meanwhile: questions, and lines of the guard's.
 */
import { type SpawnOptions, type StdioOptions, spawn } from "node:child_process";
import { constants as system } from "node:os";
import { messageOf } from "../../errors.ts";
import { hasKeyboard } from "../../platform/proc/foreground.ts";
import { FIRST_BEHIND_MONITOR } from "../../platform/pty/monitor.ts";
import { isOwnTerminal } from "../../platform/pty/outer.ts";
import { type PrivateCommand, PrivateTerminal } from "../../platform/pty/private-terminal.ts";
import { onScreen } from "../../policy/visible.ts";
import { markedCommand } from "../../runs/holder.ts";
import { toStderr } from "../../to-stderr.ts";
import { CliError, exitCodes } from "../cli-error.ts";
import type { TerminalUse } from "../guards/terminal.ts";

export class RunTerminal implements TerminalUse {
  #private: PrivateTerminal | undefined;
  /** Set when the command runs; before that there is nothing to send a signal to. */
  #kill = (_: NodeJS.Signals): void => {};
  /** Whether the command has no terminal, and so none of its keys. */
  #isApart = false;

  /** A line for the user. */
  readonly report = (line: string): void => {
    if (this.#private && isOwnTerminal(2)) this.#private.say(onScreen(line));
    else toStderr(line);
  };

  readonly takeScreen = async (signal: AbortSignal): Promise<(() => void) | undefined> =>
    this.#private?.take(signal);

  /** What Ctrl-C at a prompt means. */
  readonly interrupted = (): void => {
    if (this.#private) this.#private.interrupt();
    else this.#kill("SIGINT");
  };

  /** Passes a signal on to the command. Those of a key have come to it already, where it has this terminal. */
  kill(signal: NodeJS.Signals): void {
    const fromKey = signal === "SIGINT" || signal === "SIGQUIT";
    if (!fromKey || this.#isApart || this.#private || !hasKeyboard()) this.#kill(signal);
  }

  /** Another way for signals to the command. */
  sendsBy(kill: (signal: NodeJS.Signals) => void): void {
    this.#kill = kill;
  }

  /** Whether the command gets a terminal of its own: where the run has one for both directions. */
  readonly isPrivate = isOwnTerminal(0) && isOwnTerminal(1);

  /** The number that the first of the descriptors handed on gets. */
  get firstDescriptor(): number {
    return this.isPrivate ? FIRST_BEHIND_MONITOR : 3;
  }

  /** Returns the command's exit code: 128+n if signal n ended it. */
  async run(command: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
    const wrap = markedCommand;
    if (!this.isPrivate) return this.#runHere(command, { env, stdio: "inherit" }, wrap);
    try {
      return await this.#runPrivately({ command, env, wrap, hasStderr: isOwnTerminal(2) });
    } catch (error) {
      if (this.#private) throw notStarted(command, error);
      toStderr(
        `muxguard: the command shares your terminal, as it can have none of its own: ${messageOf(error)}`,
      );
      return this.#runHere(command, { env, stdio: "inherit" }, wrap);
    }
  }

  /**
   * The same for the command line of bubblewrap. It never shares a terminal: without one of its own it gets
   * none.
   * @param descriptors handed on, from `firstDescriptor` on
   */
  // in one go: the descriptors are closed when it has been called
  async runConfined(
    command: readonly string[],
    env: NodeJS.ProcessEnv,
    descriptors: readonly number[],
  ): Promise<number> {
    const wrap = (words: readonly string[]): string[] => markedCommand(words, true);
    const hasStderr = isOwnTerminal(2);
    if (this.isPrivate) return this.#runPrivately({ command, env, wrap, hasStderr, descriptors });
    this.#isApart = true;
    const stdio = ["inherit", "inherit", "inherit", ...descriptors] as StdioOptions;
    return this.#runHere(command, { env, stdio, detached: true }, wrap);
  }

  /** After the run is closed, so that no question has the screen any more. */
  async close(): Promise<void> {
    await this.#private?.close();
    this.#private = undefined;
  }

  #runPrivately(command: PrivateCommand): Promise<number> {
    const terminal = new PrivateTerminal(command);
    this.#private = terminal;
    this.#kill = (signal) => terminal.kill(signal);
    return terminal.ended;
  }

  #runHere(command: readonly string[], options: SpawnOptions, wrap: typeof markedCommand): Promise<number> {
    const [program = "", ...words] = wrap(command);
    const child = spawn(program, words, options);
    this.#kill = (signal) => child.kill(signal);
    return new Promise((resolve, reject) => {
      child.once("error", (error) => reject(notStarted(command, error)));
      child.once("exit", (code, signal) => {
        resolve(signal === null ? (code ?? 1) : exitCodes.signal + system.signals[signal]);
      });
    });
  }
}

function notStarted([program]: readonly string[], error: unknown): CliError {
  return new CliError(`${program}: ${messageOf(error)}`, exitCodes.notExecutable);
}
