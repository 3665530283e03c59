/**
 * What rules say of the repository and the branch that git asks for. Both are claimed: whoever asks may have
 * written the files that say so. So a claim narrows what is allowed. To deny or ask, a claim of another
 * repository says nothing: it may be this one.
 */
import { ownLine } from "../coverage.ts";
import type { Rule } from "../policy.ts";
import type { Caller, Request } from "../request.ts";
import { matchList } from "./pattern.ts";
import { type Match, said } from "./result.ts";

export function matchRepository(rule: Rule, request: Request): Match {
  return matchClaim(rule, rule.repository, request.repository, request);
}

export function matchBranch(rule: Rule, request: Request): Match {
  return matchClaim(rule, rule.branch, request.branch, request);
}

function matchClaim({ action }: Rule, list: string | undefined, claim: string | undefined, request: Request) {
  if (list === undefined) return "yes";
  if (!maySignForGit(request)) return "no";
  const fits = claim !== undefined && matchList(claim, list) === "yes";
  if (action !== "allow") return fits ? "yes" : "unsaid";
  return claim === undefined ? "unsaid" : said(fits);
}

/** Signatures for git have its namespace, which is a part of what is signed. */
export function maySignForGit(request: Request): boolean {
  return maySign(request) && (request.namespace === undefined || request.namespace === "git");
}

/** Whether it may be for an SSHSIG signature: an ssh-agent that asks for a key may be asked to sign anything. */
export function maySign({ kind, data, operation, user }: Request): boolean {
  return (kind === "sign" && data !== "userauth") || (operation === "use-key" && user === undefined);
}

/** Whether git has started it: not above the run that it is in. */
export function asksForGit(caller: Caller): boolean {
  return ownLine(caller).some(({ exe }) => exe?.slice(exe.lastIndexOf("/") + 1) === "git");
}
