/**
 * Where things are in a TOML document (toml.io/en/v1.0.0), for those who tell of mistakes: the parser keeps no
 * places. Of a document that the parser took, every key and value is found; what it does not know it passes
 * over.
 */
import { lastUpTo } from "../policy/lookup/sorted.ts";

/** Names of fields, and places in lists from 0. */
export type Path = readonly PropertyKey[];

/** Offsets in the text. */
interface Place {
  /** The key; of a table its header, of an entry of a list itself. */
  key: number;
  value: number;
}

export interface Position {
  line: number;
  column: number;
}

const skipped = /(?:\s|#[^\n]*)*/y;
const bareKey = /[\w-]+/y;
const strings = [
  /"""(?:[^\\]|\\[\s\S])*?"""(?!")/y,
  /'''[\s\S]*?'''(?!')/y,
  /"(?:[^"\\\n]|\\.)*"/y,
  /'[^'\n]*'/y,
] as const;
const scalar = /[^\s,#\]}](?:[^,#\]}\n]*[^\s,#\]}])?/y;

export class TomlPlaces {
  readonly #text: string;
  readonly #places = new Map<string, Place>();
  /** How many tables an array of tables has by now. */
  readonly #counts = new Map<string, number>();
  readonly #headers: { name: string; at: number }[] = [];
  /** Where each line begins; made for the first position. */
  #lines: readonly number[] | undefined;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#readDocument();
  }

  /** Where a field or an entry is; where it is not there, what it should be in. */
  position(path: Path, of: keyof Place): Position {
    for (let length = path.length; length > 0; length--) {
      const place = this.#places.get(keyOf(path.slice(0, length)));
      // a text alone may stand for a list
      const isValue = length === path.length || typeof path[length] === "number";
      if (place) return this.#positionOf(place[isValue ? of : "key"]);
    }
    return { line: 1, column: 1 };
  }

  /**
   * From the header of a table to where the next one begins, as offsets in the text; undefined where it has no
   * header.
   */
  table(path: Path): { start: number; end: number } | undefined {
    const found = this.#headers.findIndex(({ name }) => name === keyOf(path));
    const header = this.#headers[found];
    const end = this.#headers[found + 1]?.at ?? this.#text.length;
    return header && { start: header.at, end };
  }

  /** Columns are characters, and begin at 1. */
  #positionOf(offset: number): Position {
    this.#lines ??= lineStarts(this.#text);
    const line = lastUpTo(this.#lines, offset);
    const start = this.#lines[line] ?? 0;
    return { line: line + 1, column: [...this.#text.slice(start, offset)].length + 1 };
  }

  #readDocument(): void {
    let table: PropertyKey[] = [];
    for (this.#skip(); this.#at < this.#text.length; this.#skip()) {
      const start = this.#at;
      if (this.#text[start] === "[") table = this.#readHeader(start);
      else this.#readPair(table);
      if (this.#at === start) return;
    }
  }

  #readHeader(start: number): PropertyKey[] {
    const isList = this.#text.startsWith("[[", start);
    this.#at += isList ? 2 : 1;
    const names = this.#readKey();
    this.#take("]");
    if (isList) this.#take("]");
    const path = this.#resolve(names);
    this.#addWay([], path, start);
    this.#add(path, start, start);
    const count = this.#counts.get(keyOf(path)) ?? 0;
    if (isList) this.#counts.set(keyOf(path), count + 1);
    const table = isList ? [...path, count] : path;
    this.#add(table, start, start);
    this.#headers.push({ name: keyOf(table), at: start });
    return table;
  }

  /** Of an array of tables, a header on the way is about the last one. */
  #resolve(names: readonly string[]): PropertyKey[] {
    const path: PropertyKey[] = [];
    for (const [at, name] of names.entries()) {
      path.push(name);
      const count = this.#counts.get(keyOf(path));
      if (count !== undefined && at < names.length - 1) path.push(count - 1);
    }
    return path;
  }

  #readPair(table: readonly PropertyKey[]): void {
    const start = this.#at;
    const path = [...table, ...this.#readKey()];
    this.#addWay(table, path, start);
    this.#take("=");
    this.#skip();
    this.#readValue(path, start);
  }

  #readValue(path: readonly PropertyKey[], key: number): void {
    const start = this.#at;
    this.#add(path, key, start);
    const string = strings.some((pattern) => this.#match(pattern) !== undefined);
    if (string) return;
    if (this.#take("[")) this.#readItems("]", (at) => this.#readValue([...path, at], this.#at));
    else if (this.#take("{")) this.#readItems("}", () => this.#readPair(path));
    else this.#match(scalar);
  }

  #readItems(end: string, read: (at: number) => void): void {
    for (let at = 0; !this.#take(end) && this.#at < this.#text.length; at++) {
      const start = this.#at;
      read(at);
      this.#take(",");
      if (this.#at === start) return;
    }
  }

  #readKey(): string[] {
    const names: string[] = [];
    do {
      this.#skip();
      const quoted = this.#match(strings[2]) ?? this.#match(strings[3]);
      const name = quoted === undefined ? this.#match(bareKey) : unquoted(quoted);
      if (name !== undefined) names.push(name);
    } while (this.#take("."));
    return names;
  }

  /** Tables that begin with the first thing in them. */
  #addWay(from: Path, to: Path, start: number): void {
    for (let length = from.length + 1; length < to.length; length++)
      this.#add(to.slice(0, length), start, start);
  }

  #add(path: Path, key: number, value: number): void {
    const name = keyOf(path);
    if (!this.#places.has(name)) this.#places.set(name, { key, value });
  }

  #skip(): void {
    this.#match(skipped);
  }

  /** Behind what is passed over. */
  #take(sign: string): boolean {
    this.#skip();
    if (!this.#text.startsWith(sign, this.#at)) return false;
    this.#at += sign.length;
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#text) ?? [];
    this.#at += found?.length ?? 0;
    return found;
  }
}

function keyOf(path: Path): string {
  return JSON.stringify(path);
}

function unquoted(text: string): string {
  if (text.startsWith("'")) return text.slice(1, -1);
  try {
    return JSON.parse(text);
  } catch {
    return text.slice(1, -1); // an escape that JSON lacks
  }
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", end + 1)) starts.push(end + 1);
  return starts;
}
