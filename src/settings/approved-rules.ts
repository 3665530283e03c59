/**
 * approved.toml: the rules that answers made. It is replaced as a whole, so nobody ever reads half of it;
 * what is in there already stays as it is, as a person may have written there too.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { ensurePrivateFolder } from "../platform/files/private-folder.ts";
import { readRegularFile } from "../platform/files/regular-file.ts";
import { formatRule } from "../policy/exact-rule.ts";
import type { Rule } from "../policy/policy.ts";
import { rewrite } from "./editing/rewrite.ts";
import { rulesIn, withoutRule, withRule } from "./editing/rules.ts";
import { checkSettings } from "./toml-file.ts";

export const HEADER =
  '# Rules that "allow always" wrote. They answer a question, and never overrule a denial. ' +
  "Delete what should be asked about again.\n";

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
  await rewrite(file, (present = HEADER) => (present.includes(added) ? undefined : withRule(present, added)));
}

/** @throws SettingsError for a file that is no policy, FileFault for what is no file of the user's own */
export function approvedRules(file: string): ApprovedRule[] {
  if (!existsSync(file)) return [];
  return identified(file, readRegularFile(file, "followed"));
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
      removed = rulesIn(path, next)[at];
      ({ next } = withoutRule(path, next, at));
    }
    return removed && next;
  });
  return removed;
}

function identified(path: string, text: string): ApprovedRule[] {
  const { rule: rules = [] } = checkSettings(path, "policy", text);
  return rulesIn(path, text).map((rule, at) => ({ id: idOf(rules[at]), rule }));
}

function indexOf(path: string, text: string, wanted: string): number {
  return identified(path, text).findIndex(({ id }) => id === wanted);
}

/** Of what the rule says, in whatever order: no name of the file's, so that it stays when others go. */
function idOf(rule: object = {}): string {
  const fields = Object.entries(rule).sort(([one], [other]) => (one < other ? -1 : 1));
  const digest = createHash("sha256").update(JSON.stringify(fields)).digest();
  return [...digest.subarray(0, ID_LENGTH)].map((byte) => ID_ALPHABET[byte % ID_ALPHABET.length]).join("");
}
