/**
 * ssh_config(5) as a list of sections: what holds under one `Host` or `Match`, as far as it says where a name
 * leads. Includes are in their place. Nothing is evaluated here: see lookups.ts.
 *
 * Limits: keywords that say nothing of where a name leads are passed over, and so is what ssh would refuse:
 * where it refuses a file, `ssh -G` says so.
 */
import { type ConfigWords, parseLine } from "./line.ts";

/** The keywords that decide under which name a host's key is looked up, and how far that is certain. */
export const settings = [
  "hostname",
  "port",
  "hostkeyalias",
  "user",
  "tag",
  "canonicalizehostname",
  "canonicalizemaxdots",
  "canonicalizepermittedcnames",
] as const;
export type Setting = (typeof settings)[number];

export interface Criterion {
  /** In lower case. */
  name: string;
  negated: boolean;
  /** A pattern list, that of host names in lower case; empty for what takes none. */
  list: string[];
}

export type Condition =
  /** Before the first `Host`. */
  | { kind: "always" }
  /** What follows an Include: it holds where that other section does. */
  | { kind: "as"; section: number }
  | { kind: "host"; patterns: string[] }
  | { kind: "match"; criteria: Criterion[] };

export interface Section {
  condition: Condition;
  /** The section that includes this one's file: both have to hold. */
  within?: number;
  /** In their order. */
  values: { setting: Setting; value: string }[];
  /** True if it goes on with what can't be read here: any setting may follow. */
  unreadable: boolean;
}

/** A file that an Include leads to. */
export interface Included {
  /** Undefined for what is there and can't be read. */
  text: string | undefined;
}

export interface IncludeReader {
  /**
   * @param pattern as it was written
   * @param own whether a user's own file includes it, and not the system's
   * @returns undefined for a pattern that can't be told here
   */
  include(pattern: string, own: boolean): Included[] | undefined;
}

/** READCONF_MAX_DEPTH of readconf.c. */
const MAX_DEPTH = 16;
/** Of all files together: one that includes itself twice would never end. */
const MAX_SECTIONS = 100_000;
/** After so many there is room for others. */
const LINES = 20;

const known: ReadonlySet<string> = new Set(settings);
/** How a line begins that says something. */
const meant = new RegExp(
  `^[ \\t\\r"]*(?:${["host", "match", "include", ...settings].join("|")})[ \\t"=]`,
  "i",
);

interface Place {
  own: boolean;
  depth: number;
  /** The section that includes the file. */
  within?: number;
}

export class SectionList {
  readonly sections: Section[] = [];
  readonly #reader: IncludeReader;

  constructor(reader: IncludeReader) {
    this.#reader = reader;
  }

  /** Yields now and then. @param own whether it is a user's file, and not the system's */
  *addFile(text: string, own: boolean): Generator<void, void> {
    yield* this.#add(text, { own, depth: 0 });
  }

  *#add(text: string, place: Place): Generator<void, void> {
    this.#begin(place.within === undefined ? { kind: "always" } : { kind: "as", section: place.within });
    let at = 0;
    for (const line of text.split("\n")) {
      if (++at % LINES === 0) yield;
      // most lines are about something else, and there may be thousands
      const words = meant.test(line) ? parseLine(line) : undefined;
      if (words?.keyword === "include") yield* this.#include(words.args, place);
      else if (words) this.#addLine(words, place);
    }
  }

  #addLine({ keyword, args }: ConfigWords, { within }: Place): void {
    if (keyword === "host") this.#begin({ kind: "host", patterns: args }, within);
    else if (keyword === "match") this.#begin({ kind: "match", criteria: parseCriteria(args) }, within);
    else if (known.has(keyword))
      this.sections.at(-1)?.values.push({ setting: keyword as Setting, value: args[0] ?? "" });
  }

  #begin(condition: Condition, within?: number): void {
    this.sections.push({
      condition,
      ...(within !== undefined && { within }),
      values: [],
      unreadable: false,
    });
  }

  *#include(patterns: readonly string[], { own, depth }: Place): Generator<void, void> {
    for (const pattern of patterns) {
      const isTooMuch = depth >= MAX_DEPTH || this.sections.length > MAX_SECTIONS;
      const files = isTooMuch ? undefined : this.#reader.include(pattern, own);
      const section = this.sections.length - 1;
      for (const { text } of files ?? []) {
        if (text === undefined) this.#giveUp();
        else yield* this.#add(text, { own, depth: depth + 1, within: section });
      }
      if (!files) this.#giveUp();
      this.#begin({ kind: "as", section });
    }
  }

  #giveUp(): void {
    const last = this.sections.at(-1);
    if (last) last.unreadable = true;
  }
}

const withoutList = new Set(["all", "canonical", "final"]);

/** `host a,b !user root`, also `host=a,b`: match_cfg_line() of readconf.c. */
function parseCriteria(args: readonly string[]): Criterion[] {
  const criteria: Criterion[] = [];
  for (let at = 0; at < args.length; at++) {
    const [, bang, word = "", assigned] = /^(!?)([^=]*)(?:=(.*))?$/s.exec(args[at] ?? "") ?? [];
    const name = word.toLowerCase();
    const text = withoutList.has(name) ? "" : assigned || (args[++at] ?? "");
    const list = name === "host" || name === "originalhost" ? text.toLowerCase() : text;
    criteria.push({ name, negated: bang === "!", list: list === "" ? [] : list.split(",") });
  }
  return criteria;
}
