/**
 * approved.toml: the rules that answers made. It is replaced as a whole, so nobody ever reads half of it;
 * what is in there already stays as it is, as a person may have written there too.
 */
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { hasCode } from "../errors.ts";
import { ensurePrivateFolder } from "../platform/files/private-folder.ts";
import { readRegularFile } from "../platform/files/regular-file.ts";
import { formatRule } from "../policy/exact-rule.ts";
import type { Rule } from "../policy/policy.ts";
import type { PolicyFile } from "../policy/schema.ts";
import { checkSettings } from "./toml-file.ts";
import { TomlPlaces } from "./toml-places.ts";

const HEADER =
  '# Rules that "allow always" wrote. They answer a question, and never overrule a denial. ' +
  "Delete what should be asked about again.\n";

/** For how long a new file may be another guard's that is being written, in milliseconds. */
const WRITING = 2000;

/** Of a hundredth of a second. */
const MAX_TRIES = 500;

/** As ids of answers have: characters that are hard to confuse. */
const ID_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789";
const ID_LENGTH = 6;

/** A rule of approved.toml, and a name for it that can be typed. */
export interface ApprovedRule {
  /** The same for as long as the rule says the same. */
  id: string;
  rule: Rule;
}

/** @throws Error also if what is there is no policy: it would not be read */
export async function addRule(file: string, rule: Rule): Promise<void> {
  if (!existsSync(dirname(file))) ensurePrivateFolder(dirname(file));
  const added = `${formatRule(rule).join("\n")}\n`;
  await rewrite(file, (present = HEADER) =>
    present.includes(added) ? undefined : `${present}${present.endsWith("\n") ? "" : "\n"}\n${added}`,
  );
}

/** @throws SettingsError for a file that is no policy, FileFault for what is no file of the user's own */
export function approvedRules(file: string): ApprovedRule[] {
  if (!existsSync(file)) return [];
  return rulesIn(file, readRegularFile(file, "followed"));
}

/**
 * Takes the rule of this id away, and what is the same twice as well. All else stays as it is: comments, other
 * rules and how they are written.
 * @returns the rule; undefined if there is none
 * @throws Error also if it can't be taken away alone
 */
export async function removeRule(file: string, id: string): Promise<Rule | undefined> {
  if (!existsSync(file)) return undefined;
  let removed: Rule | undefined;
  await rewrite(file, (present = "", path = file) => {
    let next = present;
    for (let at = indexOf(path, next, id); at >= 0; at = indexOf(path, next, id)) {
      removed = rulesIn(path, next)[at]?.rule;
      next = withoutRule(path, next, at);
    }
    return removed && next;
  });
  return removed;
}

function rulesIn(path: string, text: string): ApprovedRule[] {
  const { rule: rules = [] } = checkSettings(path, "policy", text) as PolicyFile;
  return rules.map((rule, at) => {
    const name = rule.name ?? `${basename(path)}#${at + 1}`; // as policy-files.ts names it
    return { id: idOf(rule), rule: { ...rule, name } };
  });
}

function indexOf(path: string, text: string, wanted: string): number {
  return rulesIn(path, text).findIndex(({ id }) => id === wanted);
}

/** Of what the rule says, in whatever order: no name of the file's, so that it stays when others go. */
function idOf(rule: object = {}): string {
  const fields = Object.entries(rule).sort(([one], [other]) => (one < other ? -1 : 1));
  const digest = createHash("sha256").update(JSON.stringify(fields)).digest();
  return [...digest.subarray(0, ID_LENGTH)].map((byte) => ID_ALPHABET[byte % ID_ALPHABET.length]).join("");
}

/** @throws Error where what is left would not be the other rules */
function withoutRule(path: string, text: string, at: number): string {
  const place = new TomlPlaces(text).table(["rule", at]);
  const { line } = new TomlPlaces(text).position(["rule", at], "key");
  const mend = `${path}:${line}: this rule can't be taken away alone; delete it there`;
  if (!place) throw new Error(mend);
  const next = cut(text, place);
  const rest = rulesIn(path, text).toSpliced(at, 1);
  const isWhole = ids(rulesIn(path, next)) === ids(rest) && defaultOf(path, next) === defaultOf(path, text);
  if (!isWhole) throw new Error(mend);
  return next;
}

function ids(rules: readonly ApprovedRule[]): string {
  return rules.map(({ id }) => id).join();
}

function defaultOf(path: string, text: string): PolicyFile["default"] {
  return (checkSettings(path, "policy", text) as PolicyFile).default;
}

/** Whole lines, and the empty one before them, which addRule() has written. */
function cut(text: string, { start, end }: { start: number; end: number }): string {
  const from = text.lastIndexOf("\n", start - 1) + 1;
  const [blank = ""] = /(?:^|(?<=\n))\r?\n$/.exec(text.slice(0, from)) ?? [];
  const [left = ""] = /(?:^|(?<=\n))(?:[ \t\r]*(?:#[^\n]*)?(?:\n|$))*$/.exec(text.slice(from, end)) ?? [];
  return text.slice(0, from - blank.length) + text.slice(end - left.length);
}

/**
 * @param change makes the new text of the present one, if there is a file; undefined leaves it as it is
 * @throws Error also if the new text is no policy
 */
async function rewrite(
  file: string,
  change: (present: string | undefined, path: string) => string | undefined,
): Promise<void> {
  const path = existsSync(file) ? realpathSync(file) : file; // a link stays one
  const whole = `${path}.new`;
  let fd = claim(whole);
  for (let tries = 0; fd === undefined; tries++) {
    if (tries === MAX_TRIES) throw new Error(`${whole} is being written all the time`);
    await wait(10);
    fd = claim(whole);
  }
  try {
    const next = change(existsSync(path) ? readRegularFile(path) : undefined, path);
    if (next === undefined) return;
    checkSettings(path, "policy", next);
    writeFileSync(fd, next);
    renameSync(whole, path);
  } finally {
    closeSync(fd);
    rmSync(whole, { force: true });
  }
}

/**
 * The new file is the lock as well: guards write one after the other. One that nobody finishes is a crashed
 * guard's. It is written through this descriptor, so nothing that takes its name meanwhile is written to.
 */
function claim(whole: string): number | undefined {
  try {
    return openSync(whole, "wx", 0o600);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
    const found = lstatSync(whole, { throwIfNoEntry: false });
    if (found && Date.now() - found.mtimeMs > WRITING) rmSync(whole, { force: true });
    return undefined;
  }
}
