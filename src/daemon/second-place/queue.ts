/**
 * What waits for a place beside the log's file. The file is first, and decides: an entry comes here when it is
 * in there, nobody waits for the place, and what it does not take is kept for a while, and then lost.
 */
import { messageOf } from "../../errors.ts";
import type { Entry, Place } from "./place.ts";

/** The most that waits. */
const MOST = 1000;
/** Until what was not taken is sent again, in milliseconds. */
const PAUSE = 5000;
/** The longest that the end of the guard waits, in milliseconds. */
const LAST = 1000;

export class PlaceQueue {
  readonly #place: Place;
  readonly #tell: (fault: string | undefined) => void;
  readonly #pause: number;
  readonly #waiting: Entry[] = [];
  #lost = 0;
  #sending: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param tell of what is wrong, for `status`; undefined where nothing is any more */
  constructor(place: Place, tell: (fault: string | undefined) => void, pause = PAUSE) {
    this.#place = place;
    this.#tell = tell;
    this.#pause = pause;
  }

  add(entry: Entry): void {
    this.#waiting.push(entry);
    if (this.#waiting.length > MOST) {
      this.#waiting.shift();
      this.#lost++;
    }
    // after a fault the timer goes on
    if (this.#timer === undefined) this.#sending ??= this.#send();
  }

  /** Sends what waits, if that does not take long. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sending ??= this.#send();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LAST);
    });
    await Promise.race([this.#sending, late]);
    clearTimeout(timer);
    clearTimeout(this.#timer);
  }

  /** Never rejects. */
  async #send(): Promise<void> {
    await undefined; // whoever wrote the entry goes on first
    try {
      while (this.#waiting.length > 0) {
        const entries = this.#waiting.slice(0, this.#place.most);
        await this.#place.send(entries);
        this.#took(entries);
      }
      this.#tell(
        this.#lost > 0 ? `${this.#place.name} takes entries again; ${this.#lost} are lost there` : undefined,
      );
    } catch (error) {
      const why = error instanceof Error && error.cause ? messageOf(error.cause) : messageOf(error);
      const lost = this.#lost > 0 ? `, ${this.#lost} are lost there` : "";
      this.#tell(`${this.#place.name} takes no entries of the log (${why}): they wait${lost}`);
      this.#timer = setTimeout(() => this.#again(), this.#pause).unref();
    } finally {
      this.#sending = undefined;
    }
  }

  #again(): void {
    this.#timer = undefined;
    this.#sending ??= this.#send();
  }

  /** Others may have been pushed out meanwhile. */
  #took(entries: readonly Entry[]): void {
    const last = entries.at(-1);
    const at = last ? this.#waiting.indexOf(last) : -1;
    this.#waiting.splice(0, at + 1);
  }
}
