/** What is wrong with a setting, in words, and what was probably meant. Safe for a screen. */
import type * as z from "zod/mini";
import { caseFields } from "../policy/facts/schema.ts";
import { ruleFields } from "../policy/schema.ts";
import { quoted, visible } from "../policy/visible.ts";
import { closest } from "./closest.ts";
import { configSchema, scopeFields } from "./config-schema.ts";
import type { Path } from "./toml-places.ts";

type Issue = z.core.$ZodIssue;
type Kind = "config" | "policy" | "cases";

/** @param path of the field, with that of an unknown one */
export function describeIssue(issue: Issue, path: Path, kind: Kind): string {
  const field = String(path.findLast((part) => typeof part === "string") ?? "");
  switch (issue.code) {
    case "unrecognized_keys":
      return describeUnknown(field, path, kind);
    case "invalid_value":
      return issue.input === undefined
        ? `${describeTable(path)}has no ${visible(field, 40)}: ${oneOf(issue.values.map(String))}`
        : describeValue(issue.input, field, issue.values.map(String));
    case "invalid_type":
    case "invalid_union":
      return describeType(issue, field, path);
    default:
      return `${visible(field, 40)}: ${issue.message}`;
  }
}

/** Of a file, and of the tables in it. */
const fields = {
  policy: { top: ["default", "rule"], inner: ruleFields, begin: "rule: begin one with [[rule]]" },
  cases: { top: ["case"], inner: caseFields, begin: "case: begin one with [[case]]" },
  config: {
    top: Object.keys(configSchema.shape),
    inner: scopeFields,
    begin: "scope: begin one with [scope.NAME]",
  },
};

function describeUnknown(field: string, path: Path, kind: Kind): string {
  const unknown = `unknown field ${quoted(field, 60)}`;
  const { top, inner, begin } = fields[kind];
  const meant = closest(field, path.length > 1 ? inner : top);
  if (meant !== undefined) return `${unknown}; did you mean "${meant}"?`;
  return path.length === 1 && inner.includes(field) ? `${unknown}; it belongs to a ${begin}` : unknown;
}

/** What the values of a field are called. */
const nouns: Record<string, string> = {
  action: "action",
  default: "action",
  expect: "action",
  on: "kind of request",
  operation: "operation",
  forward: "kind of forward",
  approver: "approver",
  approvers: "approver",
};

function describeValue(input: unknown, field: string, values: readonly string[]): string {
  const meant = typeof input === "string" ? closest(input, values) : undefined;
  const advice = meant === undefined ? `it is ${oneOf(values)}` : `did you mean "${meant}"?`;
  const noun = nouns[field];
  const wrong = noun === undefined ? `${visible(field, 40)}: not ` : "";
  return `${wrong}${describeInput(input)}${noun === undefined ? "" : ` is no ${noun}`}; ${advice}`;
}

function oneOf(values: readonly string[]): string {
  return `one of ${values.map((value) => `"${value}"`).join(", ")}`;
}

function describeType(
  issue: Issue & { code: "invalid_type" | "invalid_union" },
  field: string,
  path: Path,
): string {
  const name = visible(field, 40);
  if (issue.input === undefined) return `${describeTable(path)}has no ${name}`;
  if ((field === "rule" || field === "case") && path.length === 1)
    return `a ${field} begins with [[${field}]], in two brackets`;
  if (path[0] === "scope" && path.length < 3) return "a scope has a name, and begins with [scope.NAME]";
  return `${name}: expected ${expected(issue)}, not ${describeInput(issue.input)}`;
}

function expected(issue: Issue & { code: "invalid_type" | "invalid_union" }): string {
  if (issue.code === "invalid_type") return nameOf(issue.expected);
  const [first] = issue.errors.flat();
  return `${first?.code === "invalid_type" ? nameOf(first.expected) : "a value"} or a list`;
}

function nameOf(type: string): string {
  return typeNames[type] ?? type;
}

const typeNames: Record<string, string> = {
  string: "a text",
  number: "a number",
  boolean: "true or false",
  array: "a text or a list of texts",
  object: "a table",
};

function describeTable(path: Path): string {
  return path[0] === "rule" || path[0] === "case" ? `the ${path[0]} ` : "it ";
}

function describeInput(input: unknown): string {
  if (Array.isArray(input)) return "a list";
  if (typeof input === "object") return "a table";
  return typeof input === "string" ? quoted(input, 60) : visible(String(input), 60);
}
