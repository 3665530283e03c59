/**
 * What a shell reads as it starts, with the files that these read in turn: `. ~/.agent_env`.
 *
 * Limits: paths are followed that are absolute once the variables in them are known, from the environment or
 * from an assignment in a line before. What a condition leaves out is read all the same.
 */
import { homedir } from "node:os";
import { isAbsolute } from "node:path";
import { readIfFile } from "../../identity/file-stamps.ts";
import { visible } from "../../policy/visible.ts";

export interface ShellFile {
  path: string;
  lines: string[];
  /** The line that reads it, safe for a screen; undefined for what the shell reads by itself. */
  readBy?: string;
}

type Variables = Record<string, string | undefined>;

/** How deep, and of all files together: one may read itself. */
const [MAX_DEPTH, MAX_FILES] = [4, 60];

const word = /(?:"([^"\n]*)"|'([^'\n]*)'|([^\s;&|<>()'"]+))/.source;
const reads = new RegExp(`(?:^|[\\s;&|{(])(?:\\.|source)\\s+${word}`, "g");
const assigns = new RegExp(`^\\s*(?:export\\s+|local\\s+)?(\\w+)=${word}`);

/** @param isExcepted whether a line does nothing inside of a run */
export function readShellFiles(
  paths: readonly string[],
  environment: Variables,
  isExcepted: (lines: readonly string[], at: number) => boolean,
): ShellFile[] {
  const found = new Map<string, ShellFile>();
  const waiting: { path: string; depth: number; readBy?: string }[] = paths.map((path) => ({
    path,
    depth: 0,
  }));
  const seen = new Set<string>();
  // it grows as it is read
  for (const { path, depth, ...by } of waiting) {
    if (seen.has(path) || seen.size >= MAX_FILES) continue;
    seen.add(path);
    const lines = readIfFile(path)?.split("\n");
    if (!lines) continue;
    found.set(path, { path, lines, ...by });
    if (depth >= MAX_DEPTH) continue;
    for (const read of readIn(lines, environment))
      if (!isExcepted(lines, read.at))
        waiting.push({ path: read.path, depth: depth + 1, readBy: `${visible(path)}:${read.at + 1}` });
  }
  return [...found.values()];
}

function readIn(lines: readonly string[], environment: Variables): { path: string; at: number }[] {
  const variables: Variables = { ...environment, HOME: homedir() };
  return lines.flatMap((line, at) => {
    if (/^\s*#/.test(line)) return [];
    const [, name, ...value] = assigns.exec(line) ?? [];
    if (name !== undefined) variables[name] = expand(value, variables) ?? variables[name];
    return [...line.matchAll(reads)].flatMap(([, ...path]) => {
      const expanded = expand(path, variables);
      return expanded !== undefined && isAbsolute(expanded) ? { path: expanded, at } : [];
    });
  });
}

/** Of a word in double quotes, in single ones, or in none. Undefined where it is not known. */
function expand(
  [double, single, bare]: readonly (string | undefined)[],
  variables: Variables,
): string | undefined {
  if (single !== undefined) return single;
  const text = double ?? bare?.replace(/^~(?=\/|$)/, "$${HOME}") ?? "";
  const expanded = text.replace(
    /\$(?:(\w+)|\{(\w+)(?::?-([^{}]*))?\})/g,
    (written, short?: string, long?: string, otherwise?: string) => {
      const known = variables[short ?? long ?? ""];
      return known || (otherwise === undefined ? written : (expand([otherwise], variables) ?? written));
    },
  );
  return /[$`*?[\]]/.test(expanded) ? undefined : expanded;
}
