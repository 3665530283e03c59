/**
 * `muxguard lock`: everything is denied until `muxguard unlock`. A guard keeps that in mind, where nothing
 * that is guarded can change it. The file tells it to guards that begin later, and to those of runs that
 * nobody can reach yet. Where the file was removed while no guard ran, the log still tells.
 */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attempt } from "../attempt.ts";
import { endsLocked } from "../audit/last-lock.ts";
import { openRegular } from "../platform/files/regular-file.ts";
import type { Paths } from "../settings/paths.ts";

export class Lock {
  readonly #file: string;
  readonly #log: string;
  readonly #onNews: () => void;
  #isOn = false;
  #isRecalled = false;

  /**
   * @param paths the private folder that all guards of the user share, and their log
   * @param onNews called when it is learnt from one of them
   */
  constructor({ runtime, log }: Pick<Paths, "runtime" | "log">, onNews: () => void) {
    this.#file = join(runtime, "locked");
    this.#log = log;
    this.#onNews = onNews;
  }

  /** For one that begins. @returns whether it was locked, and the file is gone; it is written again */
  recall(): boolean {
    if (existsSync(this.#file)) return false;
    // where it can't be read, nothing can be written there, and nothing is allowed
    this.#isRecalled = attempt(() => endsLocked(this.#log, openRegular)) ?? false;
    if (this.#isRecalled) attempt(() => this.#write());
    return this.#isRecalled;
  }

  get isOn(): boolean {
    if (!this.#isOn && (this.#isRecalled || existsSync(this.#file))) {
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
    this.#write();
  }

  #write(): void {
    if (existsSync(this.#file)) return; // it says the same, and is not opened: it may be a link, or a FIFO
    rmSync(this.#file, { force: true }); // a link that leads nowhere
    writeFileSync(this.#file, "", { mode: 0o600, flag: "wx" });
  }

  turnOff(): void {
    rmSync(this.#file, { force: true });
    this.#isOn = false;
    this.#isRecalled = false;
  }
}
