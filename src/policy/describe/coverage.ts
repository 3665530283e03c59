/** What is compared when an approval is remembered, in words. coverage.ts compares it. */

import { isPlainSession } from "../cover/sessions.ts";
import type { Question } from "../question.ts";
import type { Caller, Destination, Request } from "../request.ts";
import { quoted } from "../visible.ts";
import { describeLine } from "./caller.ts";

/**
 * `this command, as this user, on this host, by ssh ← git ← claude, in this run`
 * @param programs what the line of programs is called, where it stands beside this
 */
export function describeCoverage(
  { request, caller, hosts, longest, choices }: Question,
  programs = describeLine(caller),
): string {
  if (longest === 0 || choices.every((choice) => choice === "once")) return "this request alone";
  const who = [`by ${programs}`, describeSession(caller)];
  if (request.kind === "confirm") return ["this question, from this very process", ...who].join(", ");
  const { destination, key, user, path, kind } = request;
  return [
    describeThing(request),
    ...(isPlainSession(request) ? ["any plain session over this connection"] : []),
    ...describeClaims(request),
    ...(key && kind === "sign" ? ["with this key"] : []),
    ...(user === undefined ? [] : ["as this user"]),
    ...(hosts ? ["on each of these hosts"] : describeHost(destination)),
    ...(path.length > 0 ? ["over these hops"] : []),
    ...who,
  ].join(", ");
}

function describeClaims({ repository, branch }: Request): string[] {
  if (repository === undefined) return [];
  return [
    branch === undefined ? "where git says this repository" : "where git says this repository and branch",
  ];
}

/** Of a host that is not known, what it is compared by: its key, and what it is claimed to be. */
function describeHost(destination: Destination | undefined): string[] {
  if (!destination) return [];
  const { verified, hostKey, claimed } = destination;
  if (verified) return ["on this host"];
  const compared = [
    ...(hostKey === undefined ? [] : ["with this host key"]),
    ...(claimed === undefined ? [] : [`where it says ${quoted(claimed, 100)}`]),
  ];
  return compared.length === 0 ? ["wherever it leads"] : compared;
}

/** Each terminal has a POSIX session, and so has each daemon. Where nobody leads it any more, it can't be told. */
function describeSession({ run, session, tty, leader }: Caller): string {
  if (run) return "in this run";
  if (!leader && session.startsWith("login:")) return "in this login session";
  return tty === undefined ? "in this session of processes" : "at this terminal";
}

function describeThing(request: Request): string {
  const { kind, data, command, subsystem } = request;
  if (kind === "sign") return data === "userauth" ? describeLogins(request) : "signatures for this purpose";
  if (kind !== "session") return things[kind];
  return subsystem !== undefined ? "this subsystem" : command === "" ? "a shell" : "this command";
}

/** Sessions are covered where the connection is the caller's own, to a host that proved its key. */
function describeLogins({ forwarded, destination }: Request): string {
  return forwarded || !destination?.verified ? "logins" : "logins and plain sessions over them";
}

const things: Record<Exclude<Request["kind"], "sign" | "session">, string> = {
  list: "the list of keys",
  forward: "this forward",
  proxy: "the whole connection",
  terminate: "the end of this connection",
  connect: "this connection",
  admin: "this change to the agent",
  confirm: "this question",
};
