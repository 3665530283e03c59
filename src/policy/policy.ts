/** A policy, ready to be evaluated. */
import type { RuleFields } from "./schema.ts";

export type Rule = RuleFields & { name: string };

export interface Policy {
  /** What happens where no rule matches. */
  default: "allow" | "deny" | "ask";
  /** The first that matches wins. */
  rules: readonly Rule[];
  /** Rules that answers wrote (approved.toml): they answer a question, and never overrule a denial. */
  approved: readonly Rule[];
  /** Its files have had a mistake for too long: what is allowed here, be it in `approved`, is asked. */
  isBroken?: true;
  /** What a fleet says can't be verified any more: what is allowed here is asked. */
  isUnverified?: true;
}

/** Why the policy's files can't be used, and what that means. */
export interface BrokenPolicy {
  /** It begins with the file. */
  reason: string;
  since: Date;
  /** From when on what the old policy allows is asked. */
  asksFrom: Date;
}

export const emptyPolicy: Policy = { default: "ask", rules: [], approved: [] };
