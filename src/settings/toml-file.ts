/** Settings files: read, checked, and every mistake told with its line. */
import { parse, TomlError } from "smol-toml";
import * as v from "valibot";
import { readRegularFile } from "../platform/files/regular-file.ts";
import { type PolicyFile, policySchema } from "../policy/schema.ts";
import { visible } from "../policy/visible.ts";
import { type ConfigFile, configSchema } from "./config-schema.ts";
import { SettingsError } from "./settings-error.ts";

const schemas = { config: configSchema, policy: policySchema };

/** @throws SettingsError */
export function checkSettings(
  path: string,
  kind: keyof typeof schemas,
  text = readRegularFile(path, "followed"),
): ConfigFile | PolicyFile {
  const { success, output, issues } = v.safeParse<typeof configSchema | typeof policySchema>(
    schemas[kind],
    parseToml(path, text),
  );
  if (success) return output;
  const [issue] = issues;
  throw new SettingsError(`${path}:${lineOf(text, issue)}: ${describeIssue(issue)}`);
}

function parseToml(path: string, text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [problem] = error.message.replace("Invalid TOML document: ", "").split("\n");
    throw new SettingsError(`${path}:${error.line}: ${problem}`);
  }
}

type Issue = v.BaseIssue<unknown>;

/** Where in the file: names of fields, and places in lists from 0. */
function placeOf({ path }: Issue): (string | number)[] {
  return path?.map(({ key }) => (typeof key === "number" ? key : String(key))) ?? [];
}

function describeIssue(issue: Issue): string {
  const field = placeOf(issue)
    .filter((part) => typeof part === "string")
    .join(".");
  return `${visible(field, 100)}: ${describeFault(issue)}`;
}

/** Schemas have words of their own for what is of the right type. */
function describeFault({ kind, type, expected, received, input, message }: Issue): string {
  if (kind !== "schema") return message;
  if (type === "strict_object" && expected === "never") return "there is no such field";
  if (type === "strict_object" && received === "undefined") return "is missing";
  const isTable = typeof input === "object" && input !== null && !Array.isArray(input);
  return `expected ${expected}, not ${isTable ? "a table" : visible(received, 60)}`;
}

/** The line of a mistake: that of the key, within the n-th table of its kind; or that of the table. */
function lineOf(text: string, issue: Issue): number {
  const lines = text.split("\n");
  const path = placeOf(issue);
  const [table, index] = path;
  const header = typeof table === "string" && typeof index === "number" ? nthTable(lines, table, index) : -1;
  const key = path[header < 0 ? 0 : 2];
  const end = lines.findIndex((line, at) => at > header && /^\s*\[/.test(line));
  const within = lines.slice(header + 1, end < 0 ? undefined : end);
  const at = within.findIndex((line) =>
    new RegExp(`^\\s*["']?${escapeRegExp(String(key))}["']?\\s*=`).test(line),
  );
  return at < 0 ? Math.max(header, 0) + 1 : header + at + 2;
}

function nthTable(lines: readonly string[], name: string, index: number): number {
  const headers = lines.flatMap((line, at) =>
    new RegExp(`^\\s*\\[\\[\\s*${name}\\s*\\]\\]`).test(line) ? [at] : [],
  );
  return headers[index] ?? -1;
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
