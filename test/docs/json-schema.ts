/** What docs/json.md says that a command prints: the rows of the table under its heading. */
import { ruleFields } from "../../src/policy/schema.ts";
import { textOf } from "./documents.ts";

export interface Field {
  /** With `[]` for what is in a list: `masters[].path`. */
  path: string;
  types: readonly string[];
}

const document = textOf("docs/json.md");
/** What a rule is has a table of its own. */
const anything = ["text", "number", "boolean", "list", "object"];

/** @throws Error where the document has no such heading */
export function documented(heading: string): Field[] {
  const [, section] =
    new RegExp(`^###? ${heading}$([\\s\\S]*?)(?=^##|(?![\\s\\S]))`, "m").exec(document) ?? [];
  if (section === undefined) throw new Error(`docs/json.md has no heading ${heading}`);
  return section.split("\n").flatMap((line) => {
    const [, names = "", type = ""] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    return [...names.matchAll(/`([^`]+)`/g)].map(([, path = ""]) => ({ path, types: type.split(" or ") }));
  });
}

/** What is printed and not documented so, as `path: type`. */
export function undocumented(value: unknown, heading: string): string[] {
  return unknownIn(value, documented(heading));
}

/** Documented paths that none of the values has: of what is linked, the path that leads there. */
export function unseen(values: readonly unknown[], heading: string): string[] {
  return documented(heading).flatMap(({ path }) =>
    values.some((value) => hasPath(value, path.match(/\[\]|[^.[]+/g) ?? [])) ? [] : [path],
  );
}

function hasPath(value: unknown, [name, ...rest]: readonly string[]): boolean {
  if (name === undefined) return value !== undefined;
  if (typeof value !== "object" || value === null) return false;
  if (name === "[]" || name === "*") return Object.values(value).some((one) => hasPath(one, rest));
  return Object.hasOwn(value, name) && hasPath(value[name as keyof typeof value], rest);
}

function unknownIn(value: unknown, fields: readonly Field[]): string[] {
  if (typeof value !== "object" || value === null) return [`: ${typeOf(value)}`];
  return Object.entries(value).flatMap(([name, inner]) => {
    const [own, rest] = below(name, fields);
    return of(inner, own, rest).map((text) => `${name}${text}`);
  });
}

/** @param own what is said of the value itself. @param rest what is said of what is in it */
function of(value: unknown, own: readonly Field[], rest: readonly Field[]): string[] {
  const linked = own.flatMap(({ types }) => types.flatMap(linkOf));
  const inner = [...rest, ...linked];
  const type = typeOf(value);
  if (own.length + rest.length === 0) return [`: ${type}`];
  if (type === "list")
    return (value as unknown[]).flatMap((item) => {
      const [itself, within] = below("[]", inner);
      return of(item, itself, within).map((text) => `[]${text}`);
    });
  if (type === "object" && inner.length > 0) return unknownIn(value, inner).map((text) => `.${text}`);
  return own.some(({ types }) => types.includes(type)) ? [] : [`: ${type}`];
}

/** What is said of one with this name, and of what is in it. */
function below(name: string, fields: readonly Field[]): [Field[], Field[]] {
  const own: Field[] = [];
  const rest: Field[] = [];
  for (const { path, types } of fields) {
    const [, first = "", more = ""] = /^(\[\]|[^.[]+)\.?(.*)$/.exec(path) ?? [];
    if (first !== name && first !== "*") continue;
    (more === "" ? own : rest).push({ path: more, types });
  }
  return [own, rest];
}

/** Of `[host](#host)`: the rows there. */
function linkOf(type: string): Field[] {
  const [, name = ""] = /^\[(\w+)\]/.exec(type) ?? [];
  if (name === "rule") return ruleFields.flatMap((field) => [field, `${field}[]`].map(asAnything));
  return name === "" ? [] : documented(name);
}

function asAnything(path: string): Field {
  return { path, types: anything };
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return "list";
  return typeof value === "string" ? "text" : typeof value;
}
