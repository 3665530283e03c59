/**
 * What is wrong, for as long as it is: `muxguard status` lists it, and so do `pending` and `watch`. One line
 * for each, which says what to do about it. It is told of when it comes up, and not again while it stays.
 */
import { visible } from "../policy/visible.ts";

/** The most of one line, in characters: paths may be long. */
const MAX_LENGTH = 600;

export class Findings {
  /** By what they are about. */
  readonly #found = new Map<string, string>();
  readonly #tell: (line: string) => void;

  /** @param tell called with each that is new */
  constructor(tell: (line: string) => void = () => {}) {
    this.#tell = tell;
  }

  /**
   * @param about what of it there is one of: "policy", "agent.sock"
   * @param text words of our own, with paths and errors in them; undefined where nothing is wrong any more
   * @returns whether that is news
   */
  set(about: string, text: string | undefined): boolean {
    const line = text === undefined ? undefined : visible(text, MAX_LENGTH);
    if (this.#found.get(about) === line) return false;
    if (line === undefined) this.#found.delete(about);
    else {
      this.#found.set(about, line);
      this.#tell(line);
    }
    return true;
  }

  /** Safe for a screen as they are. */
  list(): string[] {
    return [...this.#found.values()];
  }
}
