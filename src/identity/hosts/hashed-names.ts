/**
 * Which names the hashed lines of known_hosts are about: every name at hand is tried. What came of it is kept
 * for each line, so that a new line in the file costs no more than itself. With thousands of names it takes
 * some milliseconds, in slices.
 */
import { BoundedMap } from "../bounded-map.ts";
import { inSlices } from "../slices.ts";
import { type HostName, isHashed, type KnownHostsEntry, lineName, matches } from "./known-hosts.ts";

const MAX_LINES = 4096;
/** So many are tried before others have their turn, if there is any. */
const STEP = 16;

interface Tried {
  candidates: readonly HostName[];
  found: HostName | undefined;
}

export class HashedNames {
  readonly #tried = new BoundedMap<string, Tried>(MAX_LINES);
  readonly #trying = new Map<string, Promise<void>>();

  /** What a line was found to be about. */
  nameOf(line: KnownHostsEntry): HostName | undefined {
    const key = keyOf(line);
    return key === undefined ? undefined : this.#tried.get(key)?.found;
  }

  /** @param candidates a list that is the same object for as long as it says the same. Never rejects. */
  async solve(lines: readonly KnownHostsEntry[], candidates: readonly HostName[]): Promise<void> {
    for (const line of lines) {
      const key = keyOf(line);
      if (key === undefined) continue;
      await this.#trying.get(key);
      const tried = this.#tried.get(key);
      if (tried?.found || tried?.candidates === candidates) continue;
      const work = inSlices(this.#try(key, line, candidates));
      if (!(work instanceof Promise)) continue;
      const trying = work.finally(() => this.#trying.delete(key));
      this.#trying.set(key, trying);
      await trying;
    }
  }

  *#try(key: string, line: KnownHostsEntry, candidates: readonly HostName[]): Generator<void, void> {
    let found: HostName | undefined;
    for (let at = 0; at < candidates.length && !found; at += STEP) {
      found = candidates.slice(at, at + STEP).find((one) => matches(line, lineName(one)));
      yield;
    }
    this.#tried.set(key, { candidates, found });
  }
}

function keyOf(line: KnownHostsEntry): string | undefined {
  return isHashed(line) && "hash" in line.hosts ? line.hosts.hash : undefined;
}
