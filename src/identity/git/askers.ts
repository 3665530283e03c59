/**
 * Whose signature is for git, and what git says it is for. The files are the asker's own, and may be on a file
 * system that never answers. So one asker is looked at after the other, and none is waited for long: what
 * hangs holds up one of Node's few threads for files, and no request.
 */
import { asksForGit } from "../../policy/match/git.ts";
import type { Caller, GitClaims, ProcessId } from "../../policy/request.ts";
import { type GitView, readClaims } from "./repository.ts";

/** Gives a view on the process's files; it may reject. */
type Look = (process: ProcessId, use: (view: GitView) => Promise<GitClaims>) => Promise<GitClaims>;

/** In milliseconds. */
const LONGEST = 5000;
const MAX_WAITING = 32;

export class GitAskers {
  readonly #look: Look;
  readonly #longest: number;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  /** Those that are not waited for any more, and have not ended. */
  #hanging = 0;

  constructor(look: Look, longest = LONGEST) {
    this.#look = look;
    this.#longest = longest;
  }

  /** Nothing where it is not git that asks, or where that can't be read. Never rejects. */
  async claims(caller: Caller): Promise<GitClaims> {
    if (!asksForGit(caller) || this.#hanging > 0 || this.#waiting >= MAX_WAITING) return {};
    let isLate = false;
    const before = this.#last;
    const look = async (): Promise<GitClaims> => {
      await before;
      return isLate ? {} : this.#look(caller, readClaims);
    };
    this.#waiting++;
    const looked = look()
      .catch(() => ({}))
      .finally(() => {
        this.#waiting--;
        if (isLate) this.#hanging--;
      });
    this.#last = looked;
    return within(this.#longest, looked, () => {
      isLate = true;
      this.#hanging++;
    });
  }
}

function within(time: number, looked: Promise<GitClaims>, late: () => void): Promise<GitClaims> {
  return new Promise((done) => {
    const timer = setTimeout(() => {
      late();
      done({});
    }, time);
    looked.then(done, () => done({})).finally(() => clearTimeout(timer));
  });
}
