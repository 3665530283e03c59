/** Settings files: read, checked, and every mistake told with its line. */
import { parse, TomlError } from "smol-toml";
import * as z from "zod/mini";
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
  const schema: z.ZodMiniType<ConfigFile | PolicyFile> = schemas[kind];
  // jitless: a file is read once, for which no code needs to be made
  const { data, error } = z.safeParse(schema, parseToml(path, text), { error: describeFault, jitless: true });
  if (!error) return data;
  const [issue] = error.issues;
  const place = issue ? placeOf(issue) : [];
  throw new SettingsError(`${path}:${lineOf(text, place)}: ${describePlace(place)}: ${issue?.message}`);
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

/** Where in the file: names of fields, and places in lists from 0. */
type Place = readonly PropertyKey[];

function placeOf(issue: z.core.$ZodIssue): Place {
  return issue.code === "unrecognized_keys" ? [...issue.path, issue.keys[0] ?? ""] : issue.path;
}

function describePlace(place: Place): string {
  return visible(place.filter((part) => typeof part === "string").join("."), 100);
}

/** Schemas have words of their own for what is of the right type. */
function describeFault(issue: z.core.$ZodRawIssue): string {
  if (issue.code === "unrecognized_keys") return "there is no such field";
  if (issue.input === undefined) return "is missing";
  return `expected ${describeExpected(issue)}, not ${describeReceived(issue.input)}`;
}

function describeExpected(issue: z.core.$ZodRawIssue): string {
  if (issue.code === "invalid_value")
    return `(${issue.values.map((value) => JSON.stringify(value)).join(" | ")})`;
  if (issue.code === "invalid_union") return "(string | Array)"; // config.toml has no other
  return issue.code === "invalid_type" ? (typeNames[issue.expected] ?? issue.expected) : issue.code;
}

const typeNames: Record<string, string> = { array: "Array", object: "Object" };

function describeReceived(input: unknown): string {
  if (Array.isArray(input)) return "Array";
  if (typeof input === "object") return "a table";
  return visible(typeof input === "string" ? `"${input}"` : String(input), 60);
}

/** The line of a mistake: that of the key, within the n-th table of its kind; or that of the table. */
function lineOf(text: string, path: Place): number {
  const lines = text.split("\n");
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
