/** A policy with the places of its rules, for those who talk about them. */
import { statSync } from "node:fs";
import { readRegularFile } from "../../platform/files/regular-file.ts";
import { emptyPolicy, type Policy, type Rule } from "../../policy/policy.ts";
import type { PolicyFile } from "../../policy/schema.ts";
import { rulesOf } from "../policy-files.ts";
import { SettingsError } from "../settings-error.ts";
import { checkSettings } from "../toml-file.ts";
import { TomlPlaces } from "../toml-places.ts";

export interface Place {
  file: string;
  /** From 1. */
  line: number;
}

export interface PlacedRule extends Place {
  rule: Rule;
  /** Which of its file, from 0. */
  at: number;
}

export interface PlacedPolicy {
  /** As evaluated. */
  policy: Policy;
  rules: PlacedRule[];
  approved: PlacedRule[];
  /** Where the default stands; undefined where no file says one. */
  default?: Place;
}

/**
 * @param files of the policy, in their order; those that are not there are passed over
 * @param approvedFiles the same for rules that answers wrote
 * @param texts what a file is about to hold, by its path
 * @throws SettingsError with all mistakes
 */
export function readPlaced(
  files: readonly string[],
  approvedFiles: readonly string[],
  texts: ReadonlyMap<string, string> = new Map(),
): PlacedPolicy {
  const faults: SettingsError[] = [];
  const parts = readAll(files, texts, faults);
  const approvedParts = readAll(approvedFiles, texts, faults);
  const [first, ...more] = faults.flatMap(({ all }) => all);
  if (first) throw new SettingsError(first, ...more);
  const rules = parts.flatMap(placeRules);
  const approved = approvedParts.flatMap(placeRules);
  const saying = parts.find(({ content }) => content.default !== undefined);
  return {
    policy: {
      default: saying?.content.default ?? emptyPolicy.default,
      rules: rules.map(({ rule }) => rule),
      approved: approved.map(({ rule }) => rule),
    },
    ...{ rules, approved },
    ...(saying && {
      default: { file: saying.file, line: new TomlPlaces(saying.text).position(["default"], "key").line },
    }),
  };
}

interface Part {
  file: string;
  text: string;
  content: PolicyFile;
}

function readAll(
  files: readonly string[],
  texts: ReadonlyMap<string, string>,
  faults: SettingsError[],
): Part[] {
  const isThere = (file: string): boolean => statSync(file, { throwIfNoEntry: false }) !== undefined;
  const there = files.filter((file) => texts.has(file) || isThere(file));
  return there.flatMap((file) => {
    try {
      const text = texts.get(file) ?? readRegularFile(file, "followed");
      return [{ file, text, content: checkSettings(file, "policy", text) }];
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error;
      faults.push(error);
      return [];
    }
  });
}

function placeRules({ file, text, content }: Part): PlacedRule[] {
  const places = new TomlPlaces(text);
  return rulesOf({ file, content }).map((rule, at) => {
    return { rule, file, at, line: places.position(["rule", at], "key").line };
  });
}
