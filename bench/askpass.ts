/**
 * A question of `ssh-add -c` that a rule answers, against the start of Node itself: muxguard-askpass through
 * a daemon that runs, and by itself.
 */
import { NODE } from "./as-ssh.ts";
import { childrensCpuTime, cpuTime } from "./cpu.ts";
import type { Lab } from "./lab.ts";
import { interleave, type Variant } from "./samples.ts";
import { type Row, renderSummary } from "./table.ts";

type Name = "node" | "daemon" | "alone";

/** Times what a Node start takes. */
const MOST = { daemon: 1.2, alone: 1.35 };

/** A rule that does not match, and one that does. Where another decided, the answer would be no. */
const policy = `
default = "deny"

[[rule]]
name = "coding agents ask"
scope = "claude"
action = "ask"

[[rule]]
name = "uses of the bench's key"
on = ["confirm"]
key = "bench"
action = "allow"
`;

const QUESTION = `Allow use of key bench?\nKey fingerprint SHA256:${"A".repeat(43)}.`;

export async function benchAskpass(lab: Lab): Promise<Row[]> {
  const asking = (environment: NodeJS.ProcessEnv) => ({ ...environment, SSH_ASKPASS_PROMPT: "confirm" });
  const alone = asking(lab.environment({ policy }));
  const guard = await lab.startGuard({ policy });
  const daemon = asking(guard.environment);
  const cpu = (): number => childrensCpuTime() + cpuTime(guard.pid);
  const variants: Variant<Name>[] = [
    { name: "node", once: () => lab.run(NODE, ["-e", "0"], process.env), cpu },
    { name: "daemon", once: () => lab.runAskpass(QUESTION, daemon), cpu },
    { name: "alone", once: () => lab.runAskpass(QUESTION, alone), cpu },
  ];
  const summaries = await interleave(variants, { rounds: 30, batch: 1, warmUp: 2 });
  const node = summaries.get("node") ?? { p50: Number.NaN, p95: Number.NaN };
  return (["daemon", "alone"] as const).map((name): Row => {
    const askpass = summaries.get(name) ?? { p50: Number.NaN, p95: Number.NaN };
    const ratio = askpass.p50 / node.p50;
    return {
      measure: `\`muxguard-askpass\`, allowed by a rule (${name}) against \`node -e 0\``,
      bare: renderSummary(node),
      guard: renderSummary(askpass),
      result: `${ratio.toFixed(2)} × bare`,
      target: `≤ ${MOST[name]}`,
      holds: ratio <= MOST[name],
    };
  });
}
