/**
 * The command of a run, on a terminal of its own where the run has one, else on what this process has; and
 * what comes to that terminal meanwhile: questions, and lines of the guard's.
 */
import { type ChildProcess, type SpawnOptions, type StdioOptions, spawn } from "node:child_process";
import { constants as system } from "node:os";
import { messageOf } from "../../errors.ts";
import { hasKeyboard } from "../../platform/proc/foreground.ts";
import { isOwnTerminal } from "../../platform/pty/outer.ts";
import { type PrivateCommand, PrivateTerminal } from "../../platform/pty/private-terminal.ts";
import type { Stoppable } from "../../platform/pty/stop-look.ts";
import { onScreen } from "../../policy/visible.ts";
import { markedCommand } from "../../runs/holder.ts";
import { toStderr } from "../../to-stderr.ts";
import { CliError, exitCodes } from "../cli-error.ts";
import type { TerminalUse } from "../guards/terminal.ts";

/** A confined command: 3 and 4 are what gives it a terminal. */
export const FIRST_DESCRIPTOR = 5;

export interface Started {
  /** With the exit code, 128+n if signal n ended it. */
  ended: Promise<number>;
  /** Before another one is started in its place. */
  end(): Promise<void>;
}

export class RunTerminal implements TerminalUse {
  #private: PrivateTerminal | undefined;
  /** The command has no terminal, and none of its keys. */
  #isApart = false;
  /** Set when the command runs; before that there is nothing to send a signal to. */
  #kill = (_: NodeJS.Signals): void => {};

  readonly #hungUp = (): void => this.#kill("SIGHUP");

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
    if (!fromKey || this.#private || this.#isApart || !hasKeyboard()) this.#kill(signal);
  }

  /** Whether the command gets a terminal of its own. */
  get isPrivate(): boolean {
    return isOwnTerminal(0) && isOwnTerminal(1);
  }

  /**
   * Starts a program that confines the command, which takes no signals for it: on a terminal of its own it
   * ignores those that come from there, and so does what it starts.
   * @param descriptors handed on, from FIRST_DESCRIPTOR on
   */
  startConfined(words: readonly string[], env: NodeJS.ProcessEnv, descriptors: readonly number[]): Started {
    const command = {
      command: words,
      env,
      descriptors,
      wrap: (one: readonly string[]) => markedCommand(one, true),
    };
    if (this.isPrivate) {
      const terminal = this.#newPrivate({
        ...command,
        isDeaf: true,
        hasStderr: isOwnTerminal(2),
        hungUp: this.#hungUp,
      });
      this.#private = terminal;
      this.sendTo((signal) => terminal.kill(signal));
      return { ended: terminal.ended, end: () => this.close() };
    }
    this.#isApart = true;
    // without a terminal of its own it gets none
    const stdio: StdioOptions = ["inherit", "inherit", "inherit", null, null, ...descriptors];
    const ended = this.#start(words, command.wrap(words), { stdio, env, detached: true });
    return { ended, end: async () => {} };
  }

  #newPrivate(command: PrivateCommand): PrivateTerminal {
    try {
      return new PrivateTerminal(command);
    } catch (error) {
      throw new CliError(
        `this run can have no terminal of its own: ${messageOf(error)}`,
        exitCodes.notExecutable,
      );
    }
  }

  /** What passes signals on to the command. */
  sendTo(kill: (signal: NodeJS.Signals) => void): void {
    this.#kill = kill;
  }

  /** Of a confined command: nobody else is told when it stops. */
  lookForStops(command: Stoppable): void {
    this.#private?.lookForStops(command);
  }

  /** Returns the command's exit code: 128+n if signal n ended it. */
  run(command: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
    this.#private = this.#openPrivate(command, env);
    if (!this.#private) return this.#start(command, markedCommand(command), { stdio: "inherit", env });
    const terminal = this.#private;
    this.sendTo((signal) => terminal.kill(signal));
    return terminal.ended.catch((error: Error) => {
      throw notStarted(command, error);
    });
  }

  /** After the run is closed, so that no question has the screen any more. */
  async close(): Promise<void> {
    await this.#private?.close();
    this.#private = undefined;
  }

  /** Undefined where the run has no terminal for both directions. */
  #openPrivate(command: readonly string[], env: NodeJS.ProcessEnv): PrivateTerminal | undefined {
    if (!this.isPrivate) return undefined;
    try {
      const hasStderr = isOwnTerminal(2);
      return new PrivateTerminal({ command, env, hasStderr, wrap: markedCommand, hungUp: this.#hungUp });
    } catch (error) {
      toStderr(
        `muxguard: the command shares your terminal, as it can have none of its own: ${messageOf(error)}`,
      );
      return undefined;
    }
  }

  /** @param marked the command line that starts the command */
  #start(command: readonly string[], marked: readonly string[], options: SpawnOptions): Promise<number> {
    const [program = "", ...words] = marked;
    const child = spawn(program, words, options);
    this.sendTo((signal) => child.kill(signal));
    return codeOf(child, command);
  }
}

function codeOf(child: ChildProcess, command: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject(notStarted(command, error)));
    child.once("exit", (code, signal) => {
      resolve(signal === null ? (code ?? 1) : exitCodes.signal + system.signals[signal]);
    });
  });
}

function notStarted([program]: readonly string[], error: Error): CliError {
  return new CliError(`${program}: ${error.message}`, exitCodes.notExecutable);
}
