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
}

export const emptyPolicy: Policy = { default: "ask", rules: [], approved: [] };
