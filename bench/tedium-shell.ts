/**
 * The interactive shell of the day: one bash that reads a line at a time, so that all it starts is started by
 * the same programs.
 */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import type { Lab } from "./lab.ts";

/** The longest that a line may take, in milliseconds. */
const LONGEST = 120_000;
const MAX_COMPLAINT = 2000;

export class Shell {
  readonly #child: ChildProcess;
  readonly #statuses: Interface;
  readonly #ended: Promise<never>;
  #said = "";

  /**
   * @param program a bash, be it called otherwise
   * @param detached whether it has a session of its own, as in a terminal of its own
   */
  constructor(lab: Lab, cwd: string, environment: NodeJS.ProcessEnv, program = "bash", detached = false) {
    const child = lab.spawn(program, ["--norc", "--noprofile"], {
      cwd,
      env: environment,
      stdio: ["pipe", "pipe", "pipe"],
      detached,
    });
    if (!child.stdout) throw new Error("the shell has no stdout");
    this.#child = child;
    this.#statuses = createInterface(child.stdout);
    this.#ended = once(child, "exit").then(() => {
      throw new Error(`the shell ended: ${this.#said}`);
    });
    this.#ended.catch(() => {}); // at its end, when it is not asked for anything
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#said = (this.#said + text).slice(-MAX_COMPLAINT);
    });
    // what it has put into the background ends with it
    child.stdin?.write("trap 'kill $(jobs -p) 2> /dev/null' EXIT; trap exit TERM\n");
  }

  /** Returns the exit status. */
  async run(line: string): Promise<number> {
    this.#said = "";
    this.#child.stdin?.write(`{ ${line}\n} < /dev/null > /dev/null; echo $?\n`);
    const status = once(this.#statuses, "line", { signal: AbortSignal.timeout(LONGEST) });
    const [text] = await Promise.race([status, this.#ended]);
    return Number(text);
  }

  /** @throws Error if the line fails */
  async succeed(line: string): Promise<void> {
    const status = await this.run(line);
    if (status !== 0) throw new Error(`${line}\nended with ${status}: ${this.#said}`);
  }

  async close(): Promise<void> {
    this.#child.stdin?.end();
    await this.#ended.catch(() => {});
  }
}
