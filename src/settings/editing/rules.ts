/** Rules that are put into the text of a policy file, and taken out of it: the rest stays byte for byte. */
import { basename } from "node:path";
import type { Rule } from "../../policy/policy.ts";
import type { PolicyFile } from "../../policy/schema.ts";
import { checkSettings } from "../toml-file.ts";
import { TomlPlaces } from "../toml-places.ts";

/** Behind what is there. @param added whole lines */
export function withRule(present: string, added: string): string {
  return `${present}${present === "" || present.endsWith("\n") ? "" : "\n"}${present === "" ? "" : "\n"}${added}`;
}

/** @throws SettingsError */
export function rulesIn(path: string, text: string): Rule[] {
  const { rule: rules = [] } = checkSettings(path, "policy", text);
  // as policy-files.ts names it
  return rules.map((rule, at) => ({ ...rule, name: rule.name ?? `${basename(path)}#${at + 1}` }));
}

/**
 * @param at which rule, from 0
 * @returns the new text, and what is no longer in it
 * @throws Error where what is left would not be the other rules
 */
export function withoutRule(path: string, text: string, at: number): { next: string; gone: string } {
  const places = new TomlPlaces(text);
  const place = places.table(["rule", at]);
  const { line } = places.position(["rule", at], "key");
  const mend = `${path}:${line}: this rule can't be taken away alone; delete it there`;
  if (!place) throw new Error(mend);
  const { next, gone } = cut(text, place);
  const [before, after] = [checkSettings(path, "policy", text), checkSettings(path, "policy", next)];
  const isWhole = saying((before.rule ?? []).toSpliced(at, 1)) === saying(after.rule ?? []);
  if (!isWhole || before.default !== after.default) throw new Error(mend);
  return { next, gone };
}

function saying(rules: NonNullable<PolicyFile["rule"]>): string {
  return JSON.stringify(rules);
}

/** Whole lines, and the empty one before them, which withRule() has written. */
function cut(text: string, { start, end }: { start: number; end: number }): { next: string; gone: string } {
  const from = text.lastIndexOf("\n", start - 1) + 1;
  const [blank = ""] = /(?:^|(?<=\n))\r?\n$/.exec(text.slice(0, from)) ?? [];
  const [left = ""] = /(?:^|(?<=\n))(?:[ \t\r]*(?:#[^\n]*)?(?:\n|$))*$/.exec(text.slice(from, end)) ?? [];
  const next = text.slice(0, from - blank.length) + text.slice(end - left.length);
  return { next, gone: text.slice(from, end - left.length) };
}
