/** Connections that go on although a fleet has revoked what they are to, or were made with. */
import type { Connections } from "../../masters/connections.ts";
import { evaluate } from "../../policy/evaluate.ts";
import { NOBODY } from "../../policy/facts/process.ts";
import type { Rule } from "../../policy/policy.ts";

/** Ends them. With a key, or the whole machine, that is all: nobody can say which key made a connection. */
export async function endRevoked(connections: Connections, rules: readonly Rule[]): Promise<void> {
  const isAll = rules.some(({ host }) => host === undefined);
  for (const { path, master } of connections.masters()) {
    if (isAll || (await mayBe(master.whereabouts(), rules))) await connections.end(path);
  }
}

/** Whether it leads there, or nobody can say that it does not. */
async function mayBe(
  whereabouts: ReturnType<ReturnType<Connections["masters"]>[number]["master"]["whereabouts"]>,
  rules: readonly Rule[],
): Promise<boolean> {
  const found = await Promise.resolve(whereabouts).catch(() => undefined);
  if (!found) return true;
  const policy = { default: "allow", rules, approved: [] } as const;
  return evaluate(policy, { kind: "session", ...found }, NOBODY).action !== "allow";
}
