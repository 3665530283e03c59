/**
 * `muxguard run -- true` against the start of Node itself: with a guard of its own, and through a daemon that
 * runs.
 */
import { NODE } from "./as-ssh.ts";
import { childrensCpuTime, cpuTime } from "./cpu.ts";
import type { Lab } from "./lab.ts";
import { interleave, type Variant } from "./samples.ts";
import { type Row, renderSummary } from "./table.ts";

type Name = "node" | "own guard" | "daemon" | "confined";

/** Times what a Node start takes. */
const MOST = { "own guard": 1.4, daemon: 1.5 };
/** Milliseconds that a confined run takes longer to start than the same run without. */
const MOST_CONFINED = 25;

export async function benchRun(lab: Lab): Promise<Row[]> {
  const own = lab.environment();
  const { environment: daemon, pid } = await lab.guard();
  const cpu = (): number => childrensCpuTime() + cpuTime(pid);
  const variants: Variant<Name>[] = [
    { name: "node", once: () => lab.run(NODE, ["-e", "0"], process.env), cpu },
    { name: "own guard", once: () => lab.runMuxguard(["run", "--", "true"], own), cpu },
    { name: "daemon", once: () => lab.runMuxguard(["run", "--", "true"], daemon), cpu },
    { name: "confined", once: () => lab.runMuxguard(["run", "--confine", "--", "true"], daemon), cpu },
  ];
  const summaries = await interleave(variants, { rounds: 30, batch: 1, warmUp: 2 });
  const node = summaries.get("node") ?? { p50: Number.NaN, p95: Number.NaN };
  const rows = (["own guard", "daemon"] as const).map((name): Row => {
    const guard = summaries.get(name) ?? { p50: Number.NaN, p95: Number.NaN };
    const ratio = guard.p50 / node.p50;
    return {
      measure: `\`muxguard run -- true\` (${name}) against \`node -e 0\``,
      bare: renderSummary(node),
      guard: renderSummary(guard),
      result: `${ratio.toFixed(2)} × bare`,
      target: `≤ ${MOST[name]}`,
      holds: ratio <= MOST[name],
    };
  });
  return [...rows, confinedRow(summaries.get("daemon"), summaries.get("confined"))];
}

function confinedRow(plain = { p50: Number.NaN, p95: Number.NaN }, confined = plain): Row {
  const more = confined.p50 - plain.p50;
  return {
    measure: "`muxguard run --confine -- true` against the same without `--confine` (daemon)",
    bare: renderSummary(plain),
    guard: renderSummary(confined),
    result: `${more.toFixed(0)} ms more`,
    target: `≤ ${MOST_CONFINED} ms more`,
    holds: more <= MOST_CONFINED,
  };
}
