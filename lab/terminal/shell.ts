/** A shell on a terminal of its own, as a person has it open: it leads a POSIX session. */
import type { Lab } from "../lab.ts";
import { until } from "../processes.ts";
import { Pty } from "./pty.ts";

export class Shell {
  readonly #pty: Pty;
  #lines = 0;

  constructor(lab: Lab, ...command: string[]) {
    this.#pty = new Pty(lab, ...(command.length > 0 ? command : ["/bin/sh"]));
  }

  /** Types a line, and waits for its end. Returns its exit code. */
  async run(line: string): Promise<number> {
    const mark = `line ${++this.#lines}`;
    this.#pty.type(`${line}; echo "${mark} ended: $?"\r`);
    // what is typed is on the screen too, with no number there
    const ended = (): string | undefined => new RegExp(`${mark} ended: (\\d+)`).exec(this.#pty.text)?.[1];
    await until(
      () => ended() !== undefined,
      () => `the end of ${line} in the terminal, where there is: ${this.#pty.text}`,
    );
    return Number(ended());
  }

  /** As when it is closed. */
  async end(): Promise<void> {
    this.#pty.type("exit\r");
    await this.#pty.end();
  }
}
