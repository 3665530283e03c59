/**
 * What a ride may ask of its agent: a list of keys, and SSHSIG signatures with them, as for git's commits and
 * tags. It has no connection of its own, so it has no login to make; and what it could have signed unread, or
 * put into the agent, is nothing that anybody meant. No rule allows that.
 */
import type { Caller, Request } from "../../policy/request.ts";
import type { Scope } from "../decide/scope.ts";
import type { Asker, Fault } from "../decide/verdict.ts";

/** Whether it belongs to a ride, and is none of the guard's own ssh, which log in for the ride. */
export function isRiding({ signsOnly }: Scope, caller: Caller | undefined): boolean {
  return caller !== undefined && signsOnly?.(caller) === true;
}

/** Why a ride is refused what it asks, and what to do instead; undefined for what the rules decide. */
export function refusedInRide(
  request: Request,
  { asker, scope }: { asker: Asker; scope: Scope },
): Fault | undefined {
  if (!isRiding(scope, asker.caller) || (request.kind === "sign" && request.data === "sshsig"))
    return undefined;
  return { what: "ride", reason: whyNot(request) };
}

function whyNot({ kind, data }: Request): string {
  if (kind !== "sign") return "a run with --ride changes no agent: use ssh-add outside of it";
  if (data === "userauth")
    return "a run with --ride logs in by no key of its own: the ssh that is first in its PATH rides on a connection";
  return "a run with --ride has SSHSIG signatures alone, as git and ssh-keygen -Y sign make them";
}
