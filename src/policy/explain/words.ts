/** What a request has where a rule names something, and what came of it, in words. */
import { lineOf } from "../coverage.ts";
import { describeDecision } from "../describe/decision.ts";
import { describeDoubt } from "../describe/doubt.ts";
import { describePersons } from "../describe/question.ts";
import { describeDuration } from "../duration.ts";
import type { Ruling } from "../evaluate.ts";
import { typedLine } from "../match/from-terminal.ts";
import type { FieldMatch } from "../match/match.ts";
import type { Rule } from "../policy.ts";
import type { Caller, Destination, Request } from "../request.ts";
import { quoted, visible } from "../visible.ts";

/** The longest that a value may be on a screen, in characters. */
const MAX = 300;

/** `host = "prod": it is "github.com"`, `caller = "git": nobody can say, as no program is known` */
export function describeField(
  rule: Rule,
  { field, match }: FieldMatch,
  request: Request,
  caller: Caller,
): string {
  const wanted = rule[field];
  const says = wanted === undefined ? `no ${field}` : `${field} = ${visible(JSON.stringify(wanted), MAX)}`;
  const has = factOf(field, request, caller);
  if (match === "unsaid") return `${says}: can't be said${has === undefined ? "" : `, ${has}`}`;
  return `${says}: ${has ?? `a request of "${request.kind}" has none`}`;
}

/** What the request has; undefined where it has nothing of the kind. */
function factOf(field: keyof Rule, request: Request, caller: Caller): string | undefined {
  const is = (value: unknown): string | undefined => {
    if (value === undefined) return undefined;
    return `it is ${visible(JSON.stringify(value), MAX)}`;
  };
  const { destination, key, forward } = request;
  switch (field) {
    case "on":
      return is(request.kind);
    case "host":
      return destination && describeNames(destination);
    case "host_key":
      return is(destination?.hostKey) ?? (destination && "the host key is not known");
    case "port":
      return is(destination?.ports ?? destination?.port) ?? (destination && "the port is not known");
    case "verified":
      return is(destination?.verified);
    case "key":
      return key && is(key.comment === undefined ? key.fingerprint : [key.fingerprint, key.comment]);
    case "forward":
      return is(forward?.kind);
    case "listen":
      return is(forward?.listen);
    case "connect":
      return is(forward?.connect);
    case "tty":
    case "x11":
      return request.kind === "session" ? is(request[field] ?? false) : undefined;
    case "forward_agent":
      return request.kind === "session" ? is(request.forwardAgent ?? false) : undefined;
    case "environment":
      return request.kind === "session" ? is((request.environment ?? []).join()) : undefined;
    case "caller":
    case "programs":
      return describeLine(field, caller);
    case "scope":
      return caller.run ? is(caller.run.name) : "it is outside of runs";
    case "container":
      return is(caller.container);
    case "user":
    case "namespace":
    case "repository":
    case "branch":
    case "operation":
    case "command":
    case "subsystem":
    case "forwarded":
      return is(request[field]);
    default:
      return undefined;
  }
}

function describeNames({ verified, names, claimed, how }: Destination): string {
  if (verified) return `it is ${names.map((name) => quoted(name, 100)).join(", ")}`;
  const says = claimed === undefined ? "" : ` (it says ${quoted(claimed, 100)})`;
  return `the destination is not verified: ${visible(how, 200)}${says}`;
}

function describeLine(field: "caller" | "programs", caller: Caller): string {
  if (caller.exe === undefined && caller.name === "") return "no program is known";
  const line: (typeof caller | (typeof caller.ancestors)[number])[] =
    field === "programs" ? typedLine(caller) : [caller, ...caller.ancestors];
  const names =
    field === "programs"
      ? lineOf(line)
      : line.flatMap(({ exe, name }) => exe ?? (name === "" ? [] : `(${name})`));
  return `it is ${visible(JSON.stringify(names), MAX)}`;
}

/** `rule "no prod"`, with what else there is to know of the ruling. */
export function describeRuling(ruling: Ruling): string {
  const because = describeDecision(ruling.by);
  if (ruling.action === "allow")
    return ruling.answers === undefined
      ? because
      : `${because}, which answers ${describeDecision(ruling.answers)}`;
  if (ruling.action === "deny") return because;
  const { remember, doubt, approvers, persons } = ruling;
  const length =
    remember === undefined
      ? []
      : [remember === 0 ? "never remembered" : `remembered for ${describeDuration(remember)} at most`];
  return [
    because,
    ...(doubt ? [describeDoubt(doubt)] : []),
    ...length,
    ...(persons ? [describePersons({ ...persons, yes: [] })] : []),
    ...(approvers ? [`answered by ${approvers.join(", ")} alone`] : []),
  ].join("; ");
}
