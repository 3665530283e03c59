/**
 * `muxguard lock`: everything is denied until `muxguard unlock`. A guard keeps that in mind, where nothing
 * that is guarded can change it. The file tells it to guards that begin later, and to those of runs that
 * nobody can reach yet.
 */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export class Lock {
  readonly #file: string;
  readonly #onNews: () => void;
  #isOn = false;

  /**
   * @param runtime the private folder that all guards of the user share
   * @param onNews called when it is learnt from the file
   */
  constructor(runtime: string, onNews: () => void) {
    this.#file = join(runtime, "locked");
    this.#onNews = onNews;
  }

  get isOn(): boolean {
    if (!this.#isOn && existsSync(this.#file)) {
      this.#isOn = true;
      this.#onNews();
    }
    return this.#isOn;
  }

  /** Writes the file again if another program has removed it. @returns whether that was so */
  restore(): boolean {
    if (!this.#isOn || existsSync(this.#file)) return false;
    this.turnOn();
    return true;
  }

  turnOn(): void {
    this.#isOn = true;
    if (existsSync(this.#file)) return; // it says the same, and is not opened: it may be a link, or a FIFO
    rmSync(this.#file, { force: true }); // a link that leads nowhere
    writeFileSync(this.#file, "", { mode: 0o600, flag: "wx" });
  }

  turnOff(): void {
    rmSync(this.#file, { force: true });
    this.#isOn = false;
  }
}
