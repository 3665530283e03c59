/** A text in less room than it needs, turned page by page. */
import { cut } from "./text.ts";

/** Columns below which no text is wrapped: there would be no end of it. */
export const MIN_WIDTH = 8;

/** By the names that Node has for them. */
export const pageKeys: ReadonlyMap<string | undefined, 1 | -1> = new Map([
  ["pageup", -1],
  ["pagedown", 1],
]);

export class Pages {
  #from = 0;
  #step = 1;
  /** How many lines are below those that are shown. */
  #below = 0;

  /** @param by one page down, or up @returns whether there is one */
  turn(by: 1 | -1): boolean {
    if (by > 0 ? this.#below <= 0 : this.#from <= 0) return false;
    this.#from += by * this.#step;
    this.#below -= by * this.#step;
    return true;
  }

  /** To the beginning, as for another text. */
  reset(): void {
    this.#from = 0;
    this.#below = 0;
  }

  /**
   * The page, and below it what is missing, where there is room for neither more nor all. @param width in
   * columns
   */
  show(text: readonly string[], room: number, width: number): string[] {
    if (text.length <= room) {
      this.reset();
      return [...text];
    }
    if (room < 1) return [];
    this.#step = Math.max(1, room - 1);
    this.#from = Math.max(0, Math.min(this.#from, text.length - this.#step));
    const below = text.length - this.#from - this.#step;
    this.#below = below;
    const missing = [
      ...(this.#from > 0 ? [`${this.#from} above (PgUp)`] : []),
      ...(below > 0 ? [`${below} below (PgDn)`] : []),
    ];
    const lines = text.slice(this.#from, this.#from + room - 1);
    return [...lines, cut(`… more than fits here: ${missing.join(", ")}`, width)];
  }
}
