/**
 * Whether a command has stopped (Ctrl-Z) that is nobody's job: what confines it stands between it and the shell
 * that leads its terminal, and a stop is told to a parent alone. So it is looked at.
 */

/** Now and then: a program may stop itself. And soon after a key that stops, in milliseconds, so many times. */
const [NOW_AND_THEN, SOON, TIMES] = [250, 10, 100];
/** What Ctrl-Z is, unless the terminal was told another key. */
const CTRL_Z = 0x1a;

export interface Stoppable {
  hasStopped(): boolean;
  goOn(): void;
}

export class StopLook {
  readonly #command: Stoppable;
  readonly #stopped: () => void;
  readonly #rare: NodeJS.Timeout;
  #often: NodeJS.Timeout | undefined;
  #looks = 0;

  /** @param stopped called at each look that finds it so */
  constructor(command: Stoppable, stopped: () => void) {
    this.#command = command;
    this.#stopped = stopped;
    this.#rare = setInterval(() => this.#look(), NOW_AND_THEN).unref();
  }

  /** It gets these keys. */
  keys(bytes: Buffer): void {
    if (!bytes.includes(CTRL_Z)) return;
    this.#looks = 0;
    this.#often ??= setInterval(() => this.#lookOften(), SOON).unref();
  }

  /** It need not be among those that have the keys. */
  goOn(): void {
    this.#command.goOn();
  }

  #lookOften(): void {
    this.#looks++;
    if (this.#look() || this.#looks >= TIMES) this.#rest();
  }

  #look(): boolean {
    const found = this.#command.hasStopped();
    if (found) this.#stopped();
    return found;
  }

  #rest(): void {
    clearInterval(this.#often);
    this.#often = undefined;
  }

  close(): void {
    clearInterval(this.#rare);
    this.#rest();
  }
}
