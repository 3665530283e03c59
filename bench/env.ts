/** What an rc file waits for: `muxguard-env` beside a daemon that runs, against a shell that does nothing. */
import { dirname, join } from "node:path";
import { MUXGUARD } from "../lab/programs.ts";
import { NODE } from "./as-ssh.ts";
import type { Lab } from "./lab.ts";
import { interleave, type Variant } from "./samples.ts";
import { type Row, renderSummary } from "./table.ts";

type Name = "sh" | "node" | "muxguard-env" | "muxguard env";

/** In milliseconds. */
const MOST = 20;

export async function benchEnv(lab: Lab): Promise<Row[]> {
  const { environment } = await lab.guard();
  const variants: Variant<Name>[] = [
    { name: "sh", once: () => lab.run("/bin/sh", ["-c", ":"], environment) },
    { name: "muxguard-env", once: () => lab.run(join(dirname(MUXGUARD), "muxguard-env"), [], environment) },
    { name: "node", once: () => lab.run(NODE, ["-e", "0"], process.env) },
    { name: "muxguard env", once: () => lab.runMuxguard(["env", "--quiet"], environment) },
  ];
  const summaries = await interleave(variants, { rounds: 30, batch: 1, warmUp: 2 });
  const of = (name: Name) => summaries.get(name) ?? { p50: Number.NaN, p95: Number.NaN };
  const rows: [Name, Name][] = [
    ["muxguard-env", "sh"],
    ["muxguard env", "node"],
  ];
  return rows.map(([name, bare]): Row => {
    const took = of(name).p50;
    return {
      measure: `\`${name}\` (daemon) against \`${bare === "sh" ? "sh -c :" : "node -e 0"}\``,
      bare: renderSummary(of(bare)),
      guard: renderSummary(of(name)),
      result: `${took.toFixed(1)} ms`,
      ...(name === "muxguard-env" && { target: `≤ ${MOST} ms`, holds: took <= MOST }),
    };
  });
}
