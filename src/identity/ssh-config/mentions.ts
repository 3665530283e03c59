/**
 * Where ssh_config(5) mentions a keyword, for whatever host. Nothing is evaluated: a `Host` or `Match` that
 * never applies counts as well.
 *
 * Limits: an Include with tokens or variables in it is passed over, and so is what can't be read.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { attempt } from "../../attempt.ts";
import { readIfFile } from "../file-stamps.ts";
import { homeFolder } from "../home.ts";
import { expandGlob } from "./glob.ts";
import { parseLine } from "./line.ts";

export interface Mention {
  /** In lower case. */
  keyword: string;
  /** Its first argument. */
  value: string;
  file: string;
  /** From 1 on. */
  line: number;
  /** Whether it holds for all hosts: before the first `Host`, or under `Host *`. */
  forAll: boolean;
}

/** READCONF_MAX_DEPTH of readconf.c. */
const MAX_DEPTH = 16;
/** Of all files together: one that includes itself twice would never end. */
const MAX_FILES = 1000;

const files = {
  list: (folder: string) => attempt(() => readdirSync(folder)),
  exists: (path: string) => attempt(() => statSync(path)) !== undefined,
};

/**
 * @param keywords in lower case; of "host" each pattern is one
 * @param file for `ssh -F`, which then reads no other file
 */
export function readMentions(keywords: ReadonlySet<string>, file?: string): Mention[] {
  const reader = new MentionReader(keywords);
  if (file !== undefined) reader.read(file, { own: true, depth: 0, forAll: true });
  else {
    reader.read(join(homeFolder(), ".ssh/config"), { own: true, depth: 0, forAll: true });
    reader.read("/etc/ssh/ssh_config", { own: false, depth: 0, forAll: true });
  }
  return reader.found;
}

interface Place {
  /** A user's file, and not the system's. */
  own: boolean;
  depth: number;
  forAll: boolean;
}

class MentionReader {
  readonly found: Mention[] = [];
  readonly #hosts: boolean;
  readonly #meant: RegExp;
  #files = 0;

  constructor(keywords: ReadonlySet<string>) {
    this.#hosts = keywords.has("host");
    // most lines are about something else, and there may be thousands
    this.#meant = new RegExp(
      `^[ \\t\\r"]*(?:${["host", "match", "include", ...keywords].join("|")})[ \\t"=]`,
      "i",
    );
  }

  read(file: string, place: Place): void {
    if (place.depth > MAX_DEPTH || ++this.#files > MAX_FILES) return;
    let { forAll } = place;
    for (const [at, line] of (readIfFile(file) ?? "").split("\n").entries()) {
      const words = this.#meant.test(line) ? parseLine(line) : undefined;
      if (!words) continue;
      const { keyword, args } = words;
      if (this.#hosts && keyword === "host")
        for (const value of args) this.found.push({ keyword, value, file, line: at + 1, forAll });
      if (keyword === "host") forAll = place.forAll && args.join(" ") === "*";
      else if (keyword === "match") forAll = place.forAll && args.join(" ").toLowerCase() === "all";
      else if (keyword === "include") this.#include(args, { ...place, forAll });
      else this.found.push({ keyword, value: args[0] ?? "", file, line: at + 1, forAll });
    }
  }

  #include(patterns: readonly string[], { own, depth, forAll }: Place): void {
    for (const written of patterns) {
      const pattern = absolute(written, own);
      const paths = pattern === undefined ? [] : (expandGlob(pattern, files) ?? []);
      for (const path of paths) this.read(path, { own, depth: depth + 1, forAll });
    }
  }
}

/** As readconf.c does it. */
function absolute(pattern: string, own: boolean): string | undefined {
  if (/%|\$\{/.test(pattern)) return undefined;
  if (pattern.startsWith("/")) return pattern;
  if (pattern.startsWith("~/")) return join(homeFolder(), pattern.slice(2));
  if (pattern.startsWith("~")) return undefined;
  return join(own ? join(homeFolder(), ".ssh") : "/etc/ssh", pattern);
}
