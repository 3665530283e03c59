/** What rules say of who asks. */
import { byPath, isAtItsPath, lineOf, withoutShells } from "../coverage.ts";
import type { Rule } from "../policy.ts";
import type { Caller, Process, Request } from "../request.ts";
import { likeTypedLines, typedLines } from "./from-terminal.ts";
import { type ListMatch, matchList } from "./pattern.ts";
import { remembered } from "./remembered.ts";
import { anyMatches, type Match, said } from "./result.ts";

export function matchContainer({ container }: Rule, _: Request, caller: Caller): Match {
  return said(container === undefined || container === caller.container);
}

/** `caller`: the program that asks, or one that started it. */
export function matchStarters(rule: Rule, _: Request, caller: Caller): Match {
  const list = rule.caller;
  if (list === undefined) return "yes";
  const match = anyMatches(
    rule,
    [caller, ...caller.ancestors].map((process) => matchProcess(rule, process, list)),
  );
  return match === "no" && hasUnknown(caller) ? "unsaid" : match;
}

/** As many ancestors as are read: above them may be more. */
export const MOST_ANCESTORS = 64;

/**
 * Whether one of the programs could be any. A process can hide its executable; so can what lives elsewhere.
 * Of what started it, only what is inside of the run counts: above the run's holder, which hides as well, and
 * outside of runs, those that hide are the user's own (screen, su) and the system's.
 */
export function hasUnknown({ ancestors, run, ...caller }: Caller): boolean {
  if (ancestors.length >= MOST_ANCESTORS || isUnknown(caller)) return true;
  const holder = ancestors.findIndex(({ pid }) => pid === run?.pid);
  return ancestors.slice(0, Math.max(holder, 0)).some(isUnknown) || ancestors.some(isForeign);
}

function isUnknown(process: Process): boolean {
  return process.exe === undefined || isForeign(process);
}

/** One that sees other files than the guard chooses what its path says. */
function isForeign({ exeForeign }: Process): boolean {
  return exeForeign === true;
}

/**
 * What runs may be another file than the one that the guard finds at the path: to allow, it is not that
 * program; to deny or ask, it still is.
 */
function matchProcess({ action }: Rule, process: Process, list: string): ListMatch {
  const match = process.exe === undefined ? "no" : matchProgram(process.exe, list);
  return match === "yes" && action === "allow" && !isAtItsPath(process) ? "no" : match;
}

/** The empty scope is outside of runs, and no run's: not even of one without a name. */
export function matchScope({ scope }: Rule, _: Request, { run }: Caller): Match {
  if (scope === undefined) return "yes";
  if (run === undefined) return said(scope.split(",").some((item) => item.trim() === ""));
  const names = scope.split(",").filter((item) => item.trim() !== "");
  return said(names.length > 0 && matchList(run.name, names.join()) === "yes");
}

/**
 * The whole line, or from the shell of a terminal on. To allow, each must be the file at its path; to deny or
 * ask, the paths are enough, be what is called like a shell in the line or left out.
 */
export function matchPrograms({ action, programs }: Rule, _: Request, caller: Caller): Match {
  if (programs === undefined) return "yes";
  const isLine = (line: readonly string[]): boolean =>
    line.length === programs.length && line.every((program, at) => program === programs[at]);
  if (action === "allow")
    return said(typedLines(caller).some((line) => line.every(isAtItsPath) && isLine(lineOf(line))));
  const readings = [caller, byPath(caller), withoutShells(caller)].flatMap(likeTypedLines);
  return said(readings.some((reading) => isLine(lineOf(reading))));
}

/** A pattern with a `/` is matched against the path of a program, one without against its file name. */
function matchProgram(exe: string, list: string): ListMatch {
  const { paths, names } = programsIn(list);
  const matches = [
    paths === undefined ? "no" : matchList(exe, paths),
    names === undefined ? "no" : matchList(exe.slice(exe.lastIndexOf("/") + 1), names),
  ] as const;
  return matches.find((match) => match === "negated") ?? matches.find((match) => match === "yes") ?? "no";
}

const programsIn = remembered((list) => {
  const items = list.split(",");
  const listed = (some: string[]): string | undefined => (some.length === 0 ? undefined : some.join());
  return {
    paths: listed(items.filter((item) => item.includes("/"))),
    names: listed(items.filter((item) => !item.includes("/"))),
  };
});
