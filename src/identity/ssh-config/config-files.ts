/**
 * The files of ssh_config(5) with all that they include, read again only when one of them has changed: those
 * that are read, those that an Include names and that are missing yet, and the folders that it looks into.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { attempt } from "../../attempt.ts";
import { FileStamps, readIfFile } from "../file-stamps.ts";
import { homeFolder } from "../home.ts";
import { inSlices } from "../slices.ts";
import { expandGlob } from "./glob.ts";
import { type Included, type IncludeReader, type Section, SectionList } from "./sections.ts";

const SYSTEM_CONFIG = "/etc/ssh/ssh_config";

export interface ReadConfig {
  sections: readonly Section[];
  /** Changes whenever a file or folder does that was looked at. */
  stamp: string;
  /** The folders in which something may change. */
  folders: ReadonlySet<string>;
}

export class ConfigFiles {
  readonly #file: string | undefined;
  #read: (ReadConfig & { looked: Looked }) | undefined;
  #reading: Promise<unknown> | undefined;

  /** @param file for `ssh -F`, which then reads no other file */
  constructor(file?: string) {
    this.#file = file;
  }

  /** The same object for as long as the files are the same. Read in slices: the first time it may be a promise. */
  current(stamps = new FileStamps()): ReadConfig | Promise<ReadConfig> {
    const read = this.#read;
    if (read && read.stamp === read.looked.stamp(stamps)) return read;
    // what is being read now may be older than these stamps
    if (this.#reading) return this.#reading.then(() => this.current(stamps));
    const reading = inSlices(this.#readAnew(stamps));
    if (!(reading instanceof Promise)) return reading;
    this.#reading = reading.finally(() => {
      this.#reading = undefined;
    });
    return reading;
  }

  *#readAnew(stamps: FileStamps): Generator<void, ReadConfig> {
    const looked = new Looked(stamps);
    const list = new SectionList(looked);
    for (const [path, own] of this.#roots()) yield* list.addFile(looked.read(path) ?? "", own);
    this.#read = { sections: list.sections, stamp: looked.stamp(stamps), folders: looked.folders(), looked };
    return this.#read;
  }

  #roots(): [string, boolean][] {
    if (this.#file !== undefined) return [[this.#file, true]];
    return [
      [join(homeFolder(), ".ssh/config"), true],
      [SYSTEM_CONFIG, false],
    ];
  }
}

/** What was looked at. */
class Looked implements IncludeReader {
  readonly #stamps: FileStamps;
  readonly #files = new Set<string>();
  readonly #folders = new Set<string>();

  constructor(stamps: FileStamps) {
    this.#stamps = stamps;
  }

  stamp(stamps: FileStamps): string {
    const files = [...this.#files].map((path) => stamps.of(path));
    return [...files, ...[...this.#folders].map((path) => stamps.ofFolder(path))].join();
  }

  folders(): ReadonlySet<string> {
    return new Set([...this.#folders, ...[...this.#files].map((path) => dirname(path))]);
  }

  read(path: string): string | undefined {
    this.#files.add(path);
    return this.#stamps.of(path) === "" ? undefined : readIfFile(path);
  }

  include(written: string, own: boolean): Included[] | undefined {
    const pattern = absolute(written, own);
    const paths = pattern === undefined ? undefined : expandGlob(pattern, this.#access());
    return paths?.map((path) => ({ text: this.read(path) }));
  }

  #access() {
    return {
      list: (folder: string) => {
        this.#folders.add(folder);
        this.#stamps.ofFolder(folder);
        return attempt(() => readdirSync(folder));
      },
      exists: (path: string) => {
        this.#files.add(path);
        return this.#stamps.of(path) !== "";
      },
    };
  }
}

/**
 * Anchored as readconf.c does it.
 * @returns undefined for what can't be told: tokens, variables, the home of somebody who is not in passwd(5)
 */
function absolute(pattern: string, own: boolean): string | undefined {
  if (/%|\$\{/.test(pattern)) return undefined;
  if (pattern.startsWith("/")) return pattern;
  if (pattern.startsWith("~/")) return own ? homeFolder() + pattern.slice(1) : undefined;
  if (pattern.startsWith("~")) return own ? inHomeOfOther(pattern) : undefined;
  return own ? `${homeFolder()}/.ssh/${pattern}` : `/etc/ssh/${pattern}`;
}

/** @param pattern `~user/…` */
function inHomeOfOther(pattern: string): string | undefined {
  const [, user = "", rest = ""] = /^~([^/]+)(.*)$/s.exec(pattern) ?? [];
  const users = attempt(() => readFileSync("/etc/passwd", "utf8")) ?? "";
  const home = users
    .split("\n")
    .map((line) => line.split(":"))
    .find(([name]) => name === user)?.[5];
  return home?.startsWith("/") ? home + rest : undefined;
}
