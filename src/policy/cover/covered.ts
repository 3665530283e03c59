/** What an approval covers, and which approvals cover a request: the two sides of one comparison. */
import { coverage, type Reach } from "../coverage.ts";
import type { Remember } from "../grants.ts";
import { typedLine } from "../match/from-terminal.ts";
import { asPlainSession, type Coverable, onConnection, sessionsCovered } from "./sessions.ts";

/**
 * Each text that covers the request if it was approved, the narrowest first. None for what is never
 * remembered.
 */
export function* coveredBy(asked: Coverable): Generator<string> {
  for (const text of textsCovering(asked)) yield ofPersons(asked, text);
}

function* textsCovering(asked: Coverable): Generator<string> {
  const { run, connection } = asked;
  for (const reach of run === undefined ? (["terminal", "session"] as const) : (["terminal"] as const)) {
    const seen = seenFrom(asked, reach);
    const own = coverage(seen.request, seen.caller, run, reach);
    if (own === undefined) return;
    yield own;
    if (connection !== undefined) yield onlyThere(own, connection);
    yield* known(onConnection(seen, reach), asPlainSession(seen, reach));
  }
}

/** What an approval for so long covers. None for what is never remembered. */
export function coversFor(asked: Coverable, remember: Remember): string[] {
  return textsCovered(asked, remember).map((text) => ofPersons(asked, text));
}

function textsCovered(asked: Coverable, remember: Remember): string[] {
  const { run, connection } = asked;
  const reach: Reach = remember === "session" ? "session" : "terminal";
  const seen = seenFrom(asked, reach);
  const own = coverage(seen.request, seen.caller, run, reach);
  if (own === undefined) return [];
  const isThere = remember === "lasting" && connection !== undefined;
  const others = known(onConnection(seen, reach), sessionsCovered(seen, reach));
  return [isThere ? onlyThere(own, connection) : own, ...others];
}

/** For all terminals the line of programs begins at the terminal's shell: what shows that may be another. */
function seenFrom(asked: Coverable, reach: Reach): Coverable {
  if (reach === "terminal" || asked.run !== undefined) return asked;
  const [, ...ancestors] = typedLine(asked.caller);
  return { ...asked, caller: { ...asked.caller, ancestors } };
}

/** Apart from what anybody allowed. */
function ofPersons({ persons }: Coverable, text: string): string {
  return persons === undefined ? text : JSON.stringify([text, persons]);
}

/** On this connection alone. */
function onlyThere(covered: string, connection: string): string {
  return JSON.stringify([covered, connection]);
}

function known(...texts: (string | undefined)[]): string[] {
  return texts.filter((text) => text !== undefined);
}
