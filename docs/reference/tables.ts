/** The tables of the references, each for the place in a document that its mark names. */
import type * as z from "zod/mini";
import { formatDuration } from "../../src/policy/duration.ts";
import { whatRulesDo, whatRulesMatch } from "../../src/policy/reference/rule-fields.ts";
import { plainRun } from "../../src/policy/run-settings.ts";
import { ruleSchema } from "../../src/policy/schema.ts";
import { defaults } from "../../src/settings/config.ts";
import { configSchema, scopeSchema } from "../../src/settings/config-schema.ts";
import { fleetSchema } from "../../src/settings/fleet/schema.ts";
import {
  fleetSettings,
  type SettingWords,
  scopeSettings,
  settings,
} from "../../src/settings/reference/config-fields.ts";
import { code, kindOf } from "./kinds.ts";

export interface Reference {
  document: string;
  /** Between `<!-- NAME -->` and `<!-- end -->`. */
  mark: string;
  table: string;
}

type Shape = Readonly<Record<string, z.ZodMiniType>>;

export const references: readonly Reference[] = [
  {
    document: "docs/policy.md",
    mark: "what rules match",
    table: ofRules("what it is matched against", whatRulesMatch),
  },
  { document: "docs/policy.md", mark: "what rules do", table: ofRules("what it says", whatRulesDo) },
  {
    document: "docs/configuration.md",
    mark: "settings",
    table: ofSettings("what it says", configSchema.shape, settings, defaults),
  },
  {
    document: "docs/configuration.md",
    mark: "scopes",
    table: ofSettings("what it says of the run", scopeSchema.shape, scopeSettings, plainRun),
  },
  {
    document: "docs/fleet.md",
    mark: "fleet settings",
    table: ofSettings("what it says", fleetSchema.shape, fleetSettings, {}),
  },
];

/** @throws Error where the document has no such mark */
export function withTable(text: string, { mark, table }: Reference): string {
  const [begin, end] = [`<!-- ${mark}: npm run reference -->\n\n`, "\n<!-- end -->"];
  const [before, after = ""] = text.split(begin);
  if (before === undefined || !after.includes(end)) throw new Error(`no mark ${mark}`);
  return `${before}${begin}${table}${after.slice(after.indexOf(end))}`;
}

function ofRules(heading: string, words: Readonly<Record<string, string>>): string {
  const shape: Shape = ruleSchema.shape;
  const rows = Object.entries(words).map(([field, what]) => {
    const kind = kindOf(shape[field] as z.ZodMiniType);
    return [code(field), withoutNamed(kind, what), what];
  });
  return table(["field", "what it may be", heading], rows);
}

/** Values that the words name are not said twice. */
function withoutNamed(kind: string, words: string): string {
  const values = kind.match(/`[^`]+`/g) ?? [];
  const areNamed = values.length > 2 && values.every((value) => words.includes(value));
  return areNamed ? kind.replace(/`.*`/, "one of these") : kind;
}

function ofSettings(
  heading: string,
  shape: Shape,
  words: Readonly<Record<string, SettingWords>>,
  usual: object,
): string {
  const rows = Object.entries(words).map(([field, { what, without }]) => {
    const kind = kindOf(shape[field] as z.ZodMiniType);
    return [code(field), kind, without ?? inWords(usualOf(usual, field), kind), what];
  });
  return table(["setting", "what it may be", "without it", heading], rows);
}

function usualOf(usual: object, field: string): unknown {
  const name = field.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  if (!(name in usual)) throw new Error(`${field}: say what holds without it`);
  return usual[name as keyof typeof usual];
}

function inWords(value: unknown, kind: string): string {
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(code).join(" ");
  return code(kind === "duration" ? formatDuration(value as number) : value);
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, header.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}
