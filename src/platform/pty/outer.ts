/**
 * The terminal that this process has: raw while the private one is in front of it, and put back always.
 * Opened anew, so that it does not block for us, and goes on to block for the others that have it.
 */
import { closeSync, constants, openSync } from "node:fs";
import { modesOf, rawModes, setModes, windowSize } from "../libc/pty.ts";
import { foregroundGroup, ownGroup } from "../libc/terminal.ts";

export class OuterTerminal {
  readonly fd: number;
  #before: Buffer | undefined;
  #raw: Buffer | undefined;
  readonly #restore = (): void => this.restore();

  /** @throws Error where there is none */
  constructor() {
    this.fd = openSync("/dev/tty", constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
    process.once("exit", this.#restore);
  }

  /** Whether this process has its keys. A shell gives them to one job at a time. */
  get isOurs(): boolean {
    return foregroundGroup(this.fd) === ownGroup();
  }

  get modes(): Buffer {
    return modesOf(this.fd);
  }

  /** Undefined where it is gone. */
  get size(): Buffer | undefined {
    return windowSize(this.fd);
  }

  /** Only while it is ours: in the background the kernel would stop this process (SIGTTOU). */
  makeRaw(): void {
    if (!this.isOurs) return;
    const now = modesOf(this.fd);
    if (this.#raw?.equals(now)) return;
    // a shell has set it meanwhile, as some do after they gave the keys away: that is what counts then
    this.#before = now;
    setModes(this.fd, rawModes(now));
    this.#raw = modesOf(this.fd);
  }

  /** As it was before it was made raw. In the hands of another job it is left alone: the shell has set it. */
  restore(): void {
    if (this.#before && this.isOurs) setModes(this.fd, this.#before);
    this.#before = this.#raw = undefined;
  }

  close(): void {
    this.restore();
    process.removeListener("exit", this.#restore);
    closeSync(this.fd);
  }
}

/** Whether a descriptor is the terminal of this process's session. */
export function isOwnTerminal(fd: number): boolean {
  return foregroundGroup(fd) >= 0;
}
