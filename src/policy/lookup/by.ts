/**
 * What rules are looked up by, so that a request meets few of many. For each such field: the patterns of a rule
 * of which one has to fit, and the texts that a request has for them. Whatever else is to be said of the field
 * (what is excluded, whether a program is the file at its path) is left to the match.
 *
 * A rule that is not found here is not looked at: what is found may be too much, and never too little.
 */
import { byPath, programOf } from "../coverage.ts";
import { ofUnknownKeys } from "../match/asked.ts";
import { hasUnknown } from "../match/caller.ts";
import { opensSessions } from "../match/connection.ts";
import { leadsToHost } from "../match/destination.ts";
import { maySignForGit } from "../match/git.ts";
import { patternsOf, wildcardOf } from "../match/pattern.ts";
import type { Rule } from "../policy.ts";
import type { Caller, Destination, Request, RequestKind, UnreadNames } from "../request.ts";

/** What a request has for a field. */
export interface Sought {
  texts: readonly string[];
  /** Of texts that nobody can read: whether one is among them. */
  unread?: UnreadNames;
  /** Of what can't be said: rules that deny or ask stay open, or of these those with a wildcard. */
  open?: "all" | "wild";
}

export interface By {
  field: keyof Rule;
  /** Of a rule that names the field. */
  patterns(rule: Rule): readonly string[];
  /** Whether other texts never match. */
  isFull(rule: Rule): boolean;
  sought(request: Request, caller: Caller): Sought;
}

const NOTHING: Sought = { texts: [] };
const ANYTHING: Sought = { texts: [], open: "all" };

const always = (): boolean => true;

/** The first of two that find as much is taken. */
export const fieldsToLookUp: readonly By[] = [
  {
    field: "host",
    patterns: ({ host = "" }) => patternsOf(host.toLowerCase()),
    isFull: ({ verified }) => verified !== false, // else it is what the caller claims
    sought: soughtHost,
  },
  { field: "key", patterns: ({ key = "" }) => patternsOf(key), isFull: always, sought: soughtKey },
  {
    field: "command",
    patterns: ({ command = "" }) => [command].flat(),
    isFull: ({ on = [] }) => on.every(isOfSession), // other kinds are not about it
    sought: soughtCommand,
  },
  {
    field: "connect",
    patterns: ({ connect = "" }) => patternsOf(connect.toLowerCase()),
    isFull: ({ on = [] }) => on.every(isOfForward),
    sought: soughtConnect,
  },
  {
    field: "caller",
    patterns: ({ caller = "" }) => patternsOf(caller),
    isFull: always,
    sought: soughtCaller,
  },
  {
    field: "programs",
    patterns: ({ programs = [] }) => programs.slice(0, 1),
    isFull: ({ programs: [first = "*"] = [] }) => wildcardOf(first) < 0, // it would be none there
    sought: soughtPrograms,
  },
  {
    field: "repository",
    patterns: ({ repository = "" }) => patternsOf(repository),
    isFull: always,
    sought: soughtRepository,
  },
  { field: "user", patterns: ({ user = "" }) => patternsOf(user), isFull: always, sought: soughtUser },
  { field: "scope", patterns: ({ scope = "" }) => patternsOf(scope), isFull: always, sought: soughtScope },
];

function soughtHost(request: Request): Sought {
  const { destination } = request;
  if (destination?.verified) return soughtNames(destination);
  return destination || leadsToHost(request) ? ANYTHING : NOTHING;
}

function soughtNames({ names, maybe, unread }: Destination): Sought {
  const texts = (maybe ? [...names, ...maybe.names] : names).map((name) => name.toLowerCase());
  return unread ? { texts, unread, open: "wild" } : { texts };
}

function soughtKey({ kind, key, operation }: Request): Sought {
  if (key) {
    const { fingerprint, comment } = key;
    return comment === undefined ? { texts: [fingerprint], open: "all" } : { texts: [fingerprint, comment] };
  }
  return kind === "list" || ofUnknownKeys.has(operation) ? ANYTHING : NOTHING;
}

function isOfSession(kind: RequestKind): boolean {
  return kind === "session" || kind === "confirm";
}

function isOfForward(kind: RequestKind): boolean {
  return kind === "forward" || kind === "confirm";
}

function soughtCommand({ kind, command, subsystem, operation }: Request): Sought {
  if (kind === "confirm") return opensSessions.has(operation) ? ANYTHING : NOTHING;
  if (kind !== "session" || subsystem !== undefined) return NOTHING;
  return command === undefined ? ANYTHING : { texts: [command] };
}

/** `*` leads wherever the clients of a forward say. */
function soughtConnect({ kind, forward, operation }: Request): Sought {
  if (!isOfForward(kind)) return NOTHING;
  if (!forward) return kind === "forward" || operation === "proxy" ? ANYTHING : NOTHING;
  const { connect = "*", target = connect } = forward;
  const texts = [connect.toLowerCase(), target.toLowerCase()];
  return texts.includes("*") ? { texts, open: "all" } : { texts };
}

/** By path, and by the name of the file. */
function soughtCaller(_: Request, caller: Caller): Sought {
  const texts: string[] = [];
  for (const { exe } of [caller, ...caller.ancestors])
    if (exe !== undefined) texts.push(exe, exe.slice(exe.lastIndexOf("/") + 1));
  return hasUnknown(caller) ? { texts, open: "all" } : { texts };
}

/** Where a line begins depends on what counts as a shell: each may be the first. */
function soughtPrograms(_: Request, caller: Caller): Sought {
  const seen = [caller, ...caller.ancestors];
  const { ancestors, ...own } = byPath(caller);
  return { texts: [...seen, own, ...ancestors].map(programOf) };
}

/** What git says of its repository is claimed: to deny or ask, it may be any. */
function soughtRepository(request: Request): Sought {
  if (!maySignForGit(request)) return NOTHING;
  return { texts: request.repository === undefined ? [] : [request.repository], open: "all" };
}

function soughtUser(request: Request): Sought {
  if (request.user !== undefined) return { texts: [request.user] };
  return leadsToHost(request) ? ANYTHING : NOTHING;
}

/** Outside of runs it is the empty one. */
function soughtScope(_: Request, { run }: Caller): Sought {
  return { texts: [run?.name ?? ""] };
}
