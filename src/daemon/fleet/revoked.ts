/** Connections that go on although a fleet has revoked what they are to, or were made with. */
import type { Connections } from "../../masters/connections.ts";
import type { IsMeant } from "../../masters/ending.ts";
import { evaluate } from "../../policy/evaluate.ts";
import { NOBODY } from "../../policy/facts/process.ts";
import type { Rule } from "../../policy/policy.ts";

/**
 * Ends them, whoever made them, and those that are being made. With a key, or the whole machine, that is all:
 * nobody can say which key made a connection.
 */
export async function endRevoked(connections: Connections, rules: readonly Rule[]): Promise<void> {
  if (rules.length === 0) return; // another machine
  const isAll = rules.some(({ host }) => host === undefined);
  await connections.endThose(isAll ? async () => true : leadsThere(rules));
}

/** Whether it leads there, or nobody can say that it does not. */
function leadsThere(rules: readonly Rule[]): IsMeant {
  return async (master) => {
    const found = await master.whereabouts().catch(() => undefined);
    if (!found) return true;
    const policy = { default: "allow", rules, approved: [] } as const;
    return evaluate(policy, { kind: "session", ...found }, NOBODY).action !== "allow";
  };
}
