/** Plays a step of the demo: runs what it shows, tells of it, and finds out whether it went as it should. */
import { spawn } from "node:child_process";
import type { AuditEvent } from "../audit/event.ts";
import { Difference, type Outcome, type Timed } from "./findings.ts";
import { checkInterrupted } from "./interruption.ts";
import type { Stage } from "./stage.ts";

export class Player {
  readonly stage: Stage;
  /** Whether somebody can be asked on the terminal. */
  readonly attended: boolean;
  readonly #stop: AbortSignal;
  readonly #differences: string[] = [];
  #eventsRead = 0;

  constructor(stage: Stage, attended: boolean, stop: AbortSignal) {
    this.stage = stage;
    this.attended = attended;
    this.#stop = stop;
  }

  /** Shows a command, runs it in the stage's folder, and returns what came of it. */
  async run(...command: string[]): Promise<Outcome & Timed> {
    const [program = "", ...args] = command;
    say(`   $ ${command.join(" ")}`);
    const began = performance.now();
    const exitCode = await (program === "muxguard" ? this.#muxguard(args) : this.#spawn(program, args));
    return { exitCode, seconds: (performance.now() - began) / 1000, events: this.#newEvents() };
  }

  #muxguard(args: string[]): Promise<number> {
    const [, script = ""] = process.argv;
    return this.#spawn(process.execPath, [script, ...args]);
  }

  /**
   * Returns the exit code. Without somebody to ask it gets no terminal either, even if this process has one
   * that nobody looks at.
   */
  async #spawn(program: string, args: string[]): Promise<number> {
    this.#stop.throwIfAborted();
    const { folder: cwd, environment: env } = this.stage.home;
    const detached = !this.attended;
    const stdin = detached ? "ignore" : "inherit";
    const child = spawn(program, args, { cwd, env, detached, stdio: [stdin, "inherit", "inherit"] });
    const kill = (): void => void child.kill();
    this.#stop.addEventListener("abort", kill, { once: true });
    const exitCode = await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => resolve(code ?? 1));
    });
    this.#stop.removeEventListener("abort", kill);
    this.#stop.throwIfAborted();
    checkInterrupted(exitCode);
    return exitCode;
  }

  #newEvents(): AuditEvent[] {
    const events = this.stage.home.log().slice(this.#eventsRead);
    this.#eventsRead += events.length;
    return events;
  }

  /** Tells what is found of a step. */
  tell(step: number, find: () => string[]): void {
    try {
      say(...find().map((found) => `   -> ${found}`));
    } catch (error) {
      if (!(error instanceof Difference)) throw error;
      say(`   -> this is not what should have happened.`);
      this.#differences.push(`step ${step} of the demo went wrong: ${error.message}`);
    }
  }

  /** @throws Difference if anything did not go as it should */
  finish(): void {
    if (this.#differences.length > 0) throw new Difference(this.#differences.join("\n"));
  }
}

export function say(...lines: string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}

/** Set in, as a file is shown. */
export function sayFile(text: string): void {
  say("", text.trimEnd().replace(/^(?=.)/gm, "    "));
}
