/**
 * "Always": a rule as narrow as the approval. It names what was asked for, the host by its key, and the line of
 * programs up to the terminal's shell; the run stands by its name, as no run lasts. What can't be spelled so
 * that it matches nothing but itself is no rule: a `*` in a command would be a wildcard.
 */
import { isPinned, lineOf } from "./coverage.ts";
import { describeProgram } from "./describe/caller.ts";
import { describeRequest } from "./describe/request.ts";
import { typedLine } from "./match/from-terminal.ts";
import { asksForGit } from "./match/git.ts";
import { matchRule } from "./match/match.ts";
import type { Rule } from "./policy.ts";
import type { Caller, Forward, Request } from "./request.ts";
import type { RuleFields } from "./schema.ts";

type Fields = Partial<RuleFields>;

/**
 * Undefined for what can't be allowed for ever: unverified, forwarded, of unknown shape, or impossible to
 * spell.
 * @param outside whether a rule of a run may count outside of runs, too. It does where each program of the line
 * says what it runs: any program out there could start a run of that name, so it is no wider
 */
export function exactRule(request: Request, caller: Caller, outside = false): Rule | undefined {
  const [what, who] = [exactRequest(request), exactCaller(caller, outside)];
  if (isUnclaimed(request, caller)) return undefined;
  if (!what || !who || ![...Object.entries(what), ...Object.entries(who)].every(isExact)) return undefined;
  const rule: Rule = {
    ...what,
    ...who,
    name: nameOf(request, caller, who),
    action: "allow",
  };
  return matchRule(rule, request, caller) === "yes" ? rule : undefined;
}

/** Who may do what: `always: git (through ssh): log in to github.com as git with key 'work'`. */
function nameOf(request: Request, caller: Caller, { scope = "" }: Fields): string {
  const program = `${describeProgram(caller)}${scope.includes(",") ? " and outside" : ""}`;
  return `always: ${program}: ${describeRequest(request)}`.replaceAll('"', "'");
}

/** The same for rules that allow the same, whatever their names say, in a run or also outside of it. */
export function ruleKey({ name: _, scope = "", ...fields }: Rule): string {
  const [run] = scope.split(",");
  return JSON.stringify([run, fields]);
}

/** As it stands in a file of rules. */
export function formatRule({ name, ...fields }: Rule): string[] {
  // a text that ends with a comma is no list of patterns
  const scope = fields.scope !== undefined && { scope: listed(fields.scope) };
  return formatTable("rule", { name, ...fields, ...scope });
}

/** One of an array of tables, in lines of TOML. */
export function formatTable(name: string, fields: object): string[] {
  const lines = Object.entries(fields).map(([field, value]) => `${field} = ${formatValue(value)}`);
  return [`[[${name}]]`, ...lines];
}

/** JSON's strings are TOML's too, without the characters that isLiteral() refuses. */
function formatValue(value: unknown): string {
  return Array.isArray(value) ? `[${value.map(formatValue).join(", ")}]` : JSON.stringify(value);
}

function listed(value: unknown): unknown {
  return typeof value === "string" && value.includes(",") ? value.split(",") : value;
}

function exactRequest(request: Request): Fields | undefined {
  if (request.forwarded) return undefined;
  switch (request.kind) {
    case "sign":
      return exactSignature(request);
    case "session":
      return exactSession(request);
    case "forward":
      return exactForward(request);
    default:
      return undefined;
  }
}

function exactSignature({ data, key, ...request }: Request): Fields | undefined {
  if (!key) return undefined;
  const used: Fields = { on: ["sign"], key: key.fingerprint, forwarded: false };
  if (data === "sshsig") return exactPurpose(used, request);
  const login = data === "userauth" ? exactLogin(request) : undefined;
  return login && { ...used, ...login };
}

/** Git said nothing that could be read: a rule without a repository would be for all of them. */
function isUnclaimed({ namespace, repository }: Request, caller: Caller): boolean {
  return namespace === "git" && repository === undefined && asksForGit(caller);
}

/** Without the branch that the question said, it would be for all of them. */
function exactPurpose(used: Fields, { namespace, repository, branch }: Request): Fields | undefined {
  if (namespace === undefined || (repository !== undefined && branch === undefined)) return undefined;
  return {
    ...used,
    namespace,
    ...(repository !== undefined && { repository }),
    ...(branch !== undefined && { branch }),
  };
}

function exactSession(request: Request): Fields | undefined {
  const { command, subsystem, tty, x11, forwardAgent, environment = [] } = request;
  const login = exactLogin(request);
  if (!login || (command === undefined) === (subsystem === undefined)) return undefined;
  if (!environment.every((name) => literal.test(name))) return undefined;
  return {
    on: ["session"],
    ...login,
    ...(command !== undefined && { command }),
    ...(subsystem !== undefined && { subsystem }),
    tty: tty ?? false,
    x11: x11 ?? false,
    forward_agent: forwardAgent ?? false,
    environment: [...environment].sort().join(),
  };
}

function exactForward(request: Request): Fields | undefined {
  const login = exactLogin(request);
  const addresses = request.forward && exactAddresses(request.forward);
  if (!login || !addresses || request.operation !== undefined) return undefined;
  return { on: ["forward"], ...login, ...addresses };
}

/** A path is none: rules compare addresses without regard to case. */
function exactAddresses({ kind, listen, connect }: Forward): Fields | undefined {
  const needed = [...(kind === "stdio" ? [] : [listen]), ...(kind === "dynamic" ? [] : [connect])];
  if (needed.some((address) => address === undefined || address.includes("/"))) return undefined;
  return {
    forward: [kind],
    ...(listen !== undefined && { listen }),
    ...(connect !== undefined && { connect }),
  };
}

/** Where to and as whom. A name alone may become another host's. */
function exactLogin({ destination, user }: Pick<Request, "destination" | "user">): Fields | undefined {
  const { verified, names = [], port, hostKey } = destination ?? {};
  const [host] = names;
  if (!verified || host === undefined || hostKey === undefined || user === undefined) return undefined;
  return { host, ...(port !== undefined && { port }), host_key: hostKey, verified: true, user };
}

function exactCaller(caller: Caller, outside: boolean): Fields | undefined {
  const { run, container } = caller;
  const line = typedLine(caller);
  const programs = lineOf(line);
  const isKnown = caller.exe !== undefined && isPinned(caller) && programs.length > 0;
  if (container || !isKnown || (run && !literal.test(run.name))) return undefined;
  const scope = run && outside && line.every(isPinned) ? [run.name, ""].join() : (run?.name ?? "");
  return { programs, scope, container: false };
}

const plain = /^[^\p{Cc}\p{Cs}]*$/u;
/** Nothing that a pattern list reads as anything but itself. */
const literal = /^(?![\s])[^*?,!]+(?<!\s)$/;

/** Whether a field matches nothing but the value that it was made from. */
function isExact([field, value]: [string, unknown]): boolean {
  if (Array.isArray(value)) return value.every((one) => plain.test(one));
  if (typeof value !== "string") return true;
  if (!plain.test(value)) return false;
  if (field === "command") return !/[*?]/.test(value);
  if (field === "environment" || field === "scope") return true;
  return literal.test(value);
}
