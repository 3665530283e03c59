/**
 * All literal aliases of ssh_config(5), and what ssh looks up in known_hosts for each: the names that it
 * spells out behind `Host`, and in `Match host` and `Match originalhost`. Found by the name that is looked up.
 */
import { userInfo } from "node:os";
import { attempt } from "../../attempt.ts";
import type { MaybeNames } from "../../policy/request.ts";
import type { FileStamps } from "../file-stamps.ts";
import { isLiteralName } from "../hosts/host-pattern.ts";
import type { HostName } from "../hosts/known-hosts.ts";
import { inSlices } from "../slices.ts";
import type { ConfigFiles, ReadConfig } from "./config-files.ts";
import { lookupsOf, type Surroundings } from "./lookups.ts";
import { literalsOf, VisitPlan } from "./visits.ts";

export interface Alias {
  /** In lower case. */
  name: string;
  /** One for each outcome of what can't be decided here; never empty. */
  lookups: readonly HostName[];
}

export class AliasIndex {
  /** By its place in the files. */
  readonly #places = new Map<Alias, number>();
  readonly #byName = new Map<string, HostName[]>();
  readonly #byLookup = new Map<string, Alias[]>();
  readonly #lookups: HostName[] = [];
  readonly #open: string[] = [];

  add(alias: Alias): void {
    this.#places.set(alias, this.#places.size);
    for (const lookup of alias.lookups) {
      const key = keyOf(lookup);
      if (!this.#byLookup.has(key)) {
        push(this.#byName, lookup.name, lookup);
        this.#lookups.push(lookup);
      }
      push(this.#byLookup, key, alias);
    }
  }

  /** One of which nobody can tell where it leads: anywhere. @param name in lower case */
  addOpen(name: string): void {
    this.#open.push(name);
  }

  /** In the order of the files. */
  get aliases(): Iterable<Alias> {
    return this.#places.keys();
  }

  /** Whatever is looked up for an alias, each once. */
  get lookups(): readonly HostName[] {
    return this.#lookups;
  }

  /** What is looked up under this name, at whatever port. */
  lookupsNamed(name: string): readonly HostName[] {
    return this.#byName.get(name) ?? [];
  }

  /** The aliases that lead to these alone, in the order of the files. */
  leadingTo(lookups: readonly HostName[]): Alias[] {
    const certain = this.#found(lookups).filter(({ isCertain }) => isCertain);
    return certain.map(({ alias }) => alias).sort((one, other) => this.#placeOf(one) - this.#placeOf(other));
  }

  /** The names of those that may lead to one of these, or elsewhere. */
  maybeLeadingTo(lookups: readonly HostName[]): MaybeNames | undefined {
    const found = this.#found(lookups).filter(({ isCertain }) => !isCertain);
    const names = [...found.map(({ alias }) => alias.name), ...this.#open];
    return names.length === 0 ? undefined : new Maybe(names);
  }

  #found(lookups: readonly HostName[]): { alias: Alias; isCertain: boolean }[] {
    const keys = new Set(lookups.map(keyOf));
    const found = new Set([...keys].flatMap((key) => this.#byLookup.get(key) ?? []));
    return [...found].map((alias) => {
      return { alias, isCertain: alias.lookups.every((one) => keys.has(keyOf(one))) };
    });
  }

  #placeOf(alias: Alias): number {
    return this.#places.get(alias) ?? 0;
  }
}

class Maybe implements MaybeNames {
  readonly names: readonly string[];

  constructor(names: readonly string[]) {
    this.names = names;
  }

  /** They may be thousands, and are for matching alone: no log and no other program gets them. */
  toJSON(): undefined {
    return undefined;
  }
}

function keyOf({ name, port }: HostName): string {
  return `${name} ${port}`;
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const values = map.get(key);
  if (values) values.push(value);
  else map.set(key, [value]);
}

/** Made anew when the files have changed, in slices: nobody's request waits behind it for long. */
export class Aliases {
  readonly #files: ConfigFiles;
  #made: { read: ReadConfig; index: AliasIndex | Promise<AliasIndex> } | undefined;

  constructor(files: ConfigFiles) {
    this.#files = files;
  }

  /** The same object for as long as the files are the same. Never rejects. */
  index(stamps?: FileStamps): AliasIndex | Promise<AliasIndex> {
    const read = this.#files.current(stamps);
    return read instanceof Promise ? read.then((one) => this.#indexOf(one)) : this.#indexOf(read);
  }

  #indexOf(read: ReadConfig): AliasIndex | Promise<AliasIndex> {
    if (this.#made?.read === read) return this.#made.index;
    const made = { read, index: inSlices(makeIndex(read)) };
    this.#made = made;
    if (made.index instanceof Promise)
      made.index
        .then((index) => {
          made.index = index;
        })
        .catch(() => {}); // for whoever waits for it to tell
    return made.index;
  }
}

function* makeIndex({ sections }: ReadConfig): Generator<void, AliasIndex> {
  const surroundings: Surroundings = { user: attempt(() => userInfo().username) ?? "" };
  const plan = new VisitPlan(sections);
  yield;
  const index = new AliasIndex();
  for (const written of literalsOf(sections)) {
    yield;
    const name = written.toLowerCase();
    const lookups = lookupsOf(written, sections, plan, surroundings);
    if (!isLiteralName(name)) continue;
    if (lookups?.every((one) => isLiteralName(one.name))) index.add({ name, lookups });
    else index.addOpen(name);
  }
  return index;
}
