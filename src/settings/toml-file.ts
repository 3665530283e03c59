/** Settings files: read, checked, and every mistake told with its place and what was probably meant. */
import { parse, TomlError } from "smol-toml";
import * as z from "zod/mini";
import { readRegularFile } from "../platform/files/regular-file.ts";
import { type CasesFile, casesSchema } from "../policy/facts/schema.ts";
import { type PolicyFile, policySchema } from "../policy/schema.ts";
import { visible } from "../policy/visible.ts";
import { type ConfigFile, configSchema } from "./config-schema.ts";
import { describeIssue } from "./issue.ts";
import { SettingsError } from "./settings-error.ts";
import { type Path, type Position, TomlPlaces } from "./toml-places.ts";

const schemas = { config: configSchema, policy: policySchema, cases: casesSchema };

/** What a file of each kind holds. */
export interface SettingsFiles {
  config: ConfigFile;
  policy: PolicyFile;
  cases: CasesFile;
}

/** The most that are told of one file. */
const MAX_FAULTS = 50;

export interface Fault extends Position {
  message: string;
}

/** @throws SettingsError */
export function checkSettings<K extends keyof SettingsFiles>(
  path: string,
  kind: K,
  text = readRegularFile(path, "followed"),
): SettingsFiles[K] {
  const document = parseToml(text);
  if (Array.isArray(document)) throw errorOf(path, document);
  const schema = schemas[kind] as z.ZodMiniType<SettingsFiles[K]>;
  // jitless: a file is read once, for which no code needs to be made
  const { data, error } = z.safeParse(schema, document, { jitless: true, reportInput: true });
  if (!error) return data;
  const places = new TomlPlaces(text);
  throw errorOf(path, error.issues.flatMap((issue) => faultsOf(issue, kind, places)).sort(byPosition));
}

function errorOf(path: string, faults: readonly Fault[]): SettingsError {
  const [first = `${path}: it can't be used`, ...more] = faults
    .slice(0, MAX_FAULTS)
    .map(({ line, column, message: text }) => {
      return { line: `${visible(path, 400)}:${line}:${column}: ${text}`, at: { line, column, text } };
    });
  return new SettingsError(first, ...more);
}

function byPosition(one: Position, other: Position): number {
  return one.line - other.line || one.column - other.column;
}

function faultsOf(issue: z.core.$ZodIssue, kind: keyof SettingsFiles, places: TomlPlaces): Fault[] {
  const ofEntries = entryIssues(issue);
  if (ofEntries.length > 0) return ofEntries.flatMap((one) => faultsOf(one, kind, places));
  if (issue.code !== "unrecognized_keys") {
    const message = describeIssue(issue, issue.path, kind);
    return [{ ...places.position(issue.path, "value"), message }];
  }
  return issue.keys.map((key) => {
    const path: Path = [...issue.path, key];
    return { ...places.position(path, "key"), message: describeIssue(issue, path, kind) };
  });
}

/** Of a list, where a text or a list may stand: what is wrong with its entries. */
function entryIssues(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== "invalid_union" || !Array.isArray(issue.input)) return [];
  const ofList = issue.errors.find((issues) => issues.some(({ path }) => path.length > 0)) ?? [];
  return ofList.map((one) => ({ ...one, path: [...issue.path, ...one.path] }));
}

/**
 * The document, or what is wrong with its syntax. A line that can't be read is passed over to find those
 * behind it, if no later line can be a part of it.
 */
function parseToml(text: string): object | Fault[] {
  const faults: Fault[] = [];
  const lines = text.split("\n");
  while (faults.length < MAX_FAULTS) {
    try {
      const document = parse(lines.join("\n"));
      return faults.length === 0 ? document : faults;
    } catch (error) {
      if (!(error instanceof TomlError)) throw error;
      const at = error.line - 1;
      const fault = syntaxFault(error, lines[at] ?? "");
      if (faults.some(({ line }) => line >= fault.line)) break;
      faults.push(fault);
      if (/"""|'''|[[{]\s*(?:#.*)?$/.test(lines[at] ?? "")) break;
      lines[at] = "";
    }
  }
  return faults;
}

/** @param text of the line */
function syntaxFault({ message, line, column }: TomlError, text: string): Fault {
  const [problem = ""] = message.replace("Invalid TOML document: ", "").split("\n");
  const [word] = /^[\w*/~.-]+/.exec(text.slice(column - 1)) ?? [];
  if (problem === "invalid value" && word !== undefined)
    return { line, column, message: `a text stands in quotes: "${word}"` };
  const isCut = problem.startsWith("control characters") && column > text.trimEnd().length;
  return { line, column, message: isCut ? "a text without its closing quote" : problem };
}
