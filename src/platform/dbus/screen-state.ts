/**
 * Whether somebody may sit at the screen, from what is heard of it. No I/O but a timer.
 *
 * A screen saver, and LockedHint of logind, are states: both ends are heard. A bare Lock or the machine's
 * sleep is the beginning of something of which the end may not be heard. If no state says that the screen is
 * locked, nobody can say when it is unlocked, and what waits for that is gone.
 */

export interface ScreenListener {
  /** Nobody may be there. */
  locked(): void;
  /** Whoever is there has unlocked it. */
  unlocked(): void;
  /** It can't be said any more whether it was the same person all the time. */
  lost(): void;
}

/** For how long a bare Lock waits for a state that says so, in milliseconds. */
const LOCK_TAKES = 10_000;

export class ScreenState {
  readonly #listener: ScreenListener;
  readonly #lockTakes: number;
  /** What says that it is locked. */
  readonly #locked = new Set<string>();
  #asked: NodeJS.Timeout | undefined;
  #isAsleep = false;

  constructor(listener: ScreenListener, lockTakes = LOCK_TAKES) {
    this.#listener = listener;
    this.#lockTakes = lockTakes;
  }

  /** @param source which of the states, as text to compare */
  say(source: string, isLocked: boolean): void {
    if (isLocked) {
      clearTimeout(this.#asked);
      this.#locked.add(source);
      this.#listener.locked();
      return;
    }
    const wasKnown = this.#locked.delete(source);
    if (wasKnown && this.#locked.size === 0 && !this.#isAsleep) this.#listener.unlocked();
  }

  /** It is to be locked. */
  ask(): void {
    this.#listener.locked();
    clearTimeout(this.#asked);
    this.#asked = setTimeout(() => this.#settle(), this.#lockTakes).unref();
  }

  sleep(isAsleep: boolean): void {
    const was = this.#isAsleep;
    this.#isAsleep = isAsleep;
    if (isAsleep) this.#listener.locked();
    else if (was) this.#settle();
  }

  /** What these said is not known any more. @param prefix with which their names begin */
  lose(prefix: string): void {
    for (const source of this.#locked) if (source.startsWith(prefix)) this.#locked.delete(source);
    this.#listener.lost();
    if (this.#locked.size > 0 || this.#isAsleep) this.#listener.locked();
  }

  close(): void {
    clearTimeout(this.#asked);
  }

  #settle(): void {
    if (this.#locked.size === 0 && !this.#isAsleep) this.#listener.lost();
  }
}
