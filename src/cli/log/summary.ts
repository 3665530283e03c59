/** What many entries come to: for `muxguard log --stats` and the page of `--report`. */
import { timeOf } from "../../audit/lines.ts";
import { LocalClock } from "./describe-event.ts";
import { copyOf, eventOf, isLinked, keyOf, numberAfter, rawAfter, textOf } from "./fields.ts";

/** A day, or what else entries are counted by. */
export interface Counts {
  entries: number;
  /** Of these, those about which a person was asked. */
  asked: number;
  denied: number;
}

export interface Summary extends Counts {
  /** ISO 8601, UTC, of the first and the last entry. */
  from?: string;
  to?: string;
  /** By day, by the clock of the machine. */
  days: Record<string, Counts>;
  /** By what decided: "rule", "grant", "approver", "default", "fault"; a person by the kind of approver. */
  by: Record<string, Counts>;
  /** How long a person was waited for, in milliseconds. */
  waited: { p50: number; p95: number; most: number } | undefined;
}

const BY = keyOf("by");
const DECISION = keyOf("decision");
const WAITED = ',"waitedMs":';
const DAY = "2026-11-22".length;

export class Summarizer {
  readonly #clock = new LocalClock();
  readonly #days = new Map<string, Counts>();
  readonly #by = new Map<string, Counts>();
  readonly #all: Counts = { entries: 0, asked: 0, denied: 0 };
  readonly #waited: number[] = [];
  #from: string | undefined;
  #to: string | undefined;

  /** @returns whether it is an entry */
  add(line: string): boolean {
    const time = isLinked(line) ? timeOf(line) : eventOf(line)?.time;
    const by = rawAfter(line, BY);
    if (time === undefined || by === undefined) return false;
    this.#from ??= copyOf(time);
    this.#to = time;
    const asked = by.startsWith("approver:") || by === "fault:timeout";
    const denied = rawAfter(line, DECISION) === "deny";
    const what = by.startsWith("approver:")
      ? by
      : by.slice(0, by.indexOf(":") < 0 ? undefined : by.indexOf(":"));
    const day = this.#clock.timeOf(time).slice(0, DAY);
    for (const counts of [this.#all, countsOf(this.#days, day), countsOf(this.#by, what)]) {
      counts.entries++;
      if (asked) counts.asked++;
      if (denied) counts.denied++;
    }
    const waited = asked ? numberAfter(line, WAITED) : undefined;
    if (waited !== undefined) this.#waited.push(waited);
    return true;
  }

  result(): Summary {
    const [from, to] = [this.#from, this.#to];
    const sorted = Float64Array.from(this.#waited).sort();
    const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
    return {
      ...this.#all,
      ...(from !== undefined && to !== undefined && { from, to: copyOf(to) }),
      days: Object.fromEntries(this.#days),
      by: Object.fromEntries([...this.#by].map(([what, counts]) => [textOf(what), counts])),
      waited: sorted.length === 0 ? undefined : { p50: at(0.5), p95: at(0.95), most: at(1) },
    };
  }
}

function countsOf(among: Map<string, Counts>, what: string): Counts {
  const known = among.get(what);
  if (known) return known;
  const counts = { entries: 0, asked: 0, denied: 0 };
  among.set(copyOf(what), counts);
  return counts;
}
