/** Whether anybody is asked, without a command that one has to think of. */
import type { Approver } from "../../approver/approver.ts";
import type { Caller } from "../../policy/request.ts";

/** The ways to a person: those that there are, and the names of those that are used. */
export interface ReachOf {
  approvers: readonly Approver[];
  named: readonly string[];
}

/** They ask nobody of whom the guard could say now whether he is there. */
const elsewhere = ["terminal", "queue"];

/**
 * What to say where there is no way to ask outside of runs, which have their own terminals; undefined where there is
 * one.
 * @param caller who wants to know: it may be in a tmux that the guard is not in
 */
export async function unreached({ approvers, named }: ReachOf, caller?: Caller): Promise<string | undefined> {
  const asked = approvers.filter(({ kind }) => named.includes(kind) && !elsewhere.includes(kind));
  const reasons = await Promise.all(asked.map((one) => reasonOf(one, caller)));
  if (reasons.some((reason) => reason === undefined)) return undefined;
  const why = reasons.length > 0 ? reasons.join("; ") : "config.toml names no other approvers";
  const where = named.includes("terminal") ? "outside of muxguard run " : "";
  return named.includes("queue")
    ? `${where}nobody is asked on a screen, and the only way to answer is muxguard approve or muxguard watch: ${why}`
    : `${where}there is no way to ask anybody, and what is to be asked is denied: ${why}`;
}

/** Why it reaches nobody; undefined where it does. */
export function reasonOf(approver: Approver, caller?: Caller): Promise<string | undefined> {
  return approver.reaches?.(caller) ?? Promise.resolve(approver.unavailable());
}
