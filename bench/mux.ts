/**
 * Sessions over a shared connection: through a master that is there for everybody, and through one behind the
 * guard.
 */
import { closeSync, openSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { firstWords } from "../lab/processes.ts";
import { MUXGUARD } from "../lab/programs.ts";
import { NODE } from "./as-ssh.ts";
import { childrensCpuTime, cpuTime } from "./cpu.ts";
import type { Lab } from "./lab.ts";
import { FAR_HOST, HOST, MuxLab, ROUND_TRIP } from "./mux-lab.ts";
import { interleave, type Plan, type Summary, type Variant } from "./samples.ts";
import { type Row, renderSummary } from "./table.ts";

/** Of a Node start, as a share: what a machine's speed is told by. */
const MOST_ADDED = 0.0125;
const MOST_ADDED_IN_RIDE = 5;
const TRANSFERRED = 256 * 1024 * 1024;
const MOST_TRANSFER_RATIO = 1.02;

interface Pair {
  bare: Summary;
  guard: Summary;
}

export async function benchSession(lab: Lab): Promise<Row[]> {
  const mux = await MuxLab.open(lab);
  const { bare, guarded } = await mux.startMasters();
  const cpu = (): number => childrensCpuTime() + cpuTime(mux.guard.pid);
  const variants: Variant<"node" | "bare" | "guard">[] = [
    { name: "bare", once: () => mux.ssh(bare, "true"), cpu },
    { name: "guard", once: () => mux.ssh(guarded, "true"), cpu },
    { name: "node", once: () => lab.run(NODE, ["-e", "0"], process.env) },
  ];
  const summaries = await interleave(variants, { rounds: 200, batch: 2, warmUp: 20 });
  const pair = pairOf(summaries);
  const { added, ratio } = difference(pair);
  const node = summaries.get("node")?.p50 ?? Number.NaN;
  const most = node * MOST_ADDED;
  return [
    {
      ...cells("`ssh host true` over a master that is there", pair),
      result: `+ ${added.toFixed(2)} ms, ${ratio.toFixed(3)} × bare`,
      target: `≤ ${most.toFixed(1)} ms, 1.25 % of a Node start (${node.toFixed(0)} ms)`,
      holds: added <= most,
    },
  ];
}

export async function benchTransfer(lab: Lab): Promise<Row[]> {
  const mux = await MuxLab.open(lab);
  const { bare, guarded } = await mux.startMasters();
  const file = join(lab.folder, "data");
  writeFileSync(file, "");
  truncateSync(file, TRANSFERRED); // it takes no room, and no disk makes it slow
  const upload = async (master: string): Promise<void> => {
    const input = openSync(file, "r");
    await mux.ssh(master, "cat > /dev/null", { input }).finally(() => closeSync(input));
  };
  const plan = { rounds: 60, batch: 1, warmUp: 1 };
  return [
    transferRow(
      "256 MiB to the host",
      await compare(
        () => upload(bare),
        () => upload(guarded),
        plan,
      ),
    ),
    transferRow(
      "256 MiB from the host",
      await compare(
        () => mux.ssh(bare, `cat ${file}`),
        () => mux.ssh(guarded, `cat ${file}`),
        plan,
      ),
    ),
  ];
}

function transferRow(measure: string, pair: Pair): Row {
  const { ratio } = difference(pair);
  return {
    ...cells(measure, pair),
    result: `${ratio.toFixed(3)} × bare`,
    target: `≤ ${MOST_TRANSFER_RATIO}`,
    holds: ratio <= MOST_TRANSFER_RATIO,
  };
}

/** What sharing a connection is for. */
export async function benchLogins(lab: Lab): Promise<Row[]> {
  const mux = await MuxLab.open(lab);
  const rows: Row[] = [];
  for (const [host, where] of [
    [HOST, ""],
    [FAR_HOST, `, ${ROUND_TRIP} ms away`],
  ] as const) {
    const { guarded } = await mux.startMasters(host);
    const pair = await compare(
      () => mux.ssh(undefined, "true", { host }),
      () => mux.ssh(guarded, "true", { host }),
      { rounds: 30, batch: 1, warmUp: 2 },
    );
    const { ratio } = difference(pair);
    rows.push({
      ...cells(`a login for \`ssh host true\`${where}, against a session behind the guard`, pair),
      result: `${(1 / ratio).toFixed(1)} × as fast`,
    });
  }
  return rows;
}

/** In a run with `--ride`: ssh is a script there, which finds the way to a host that the run was at. */
export async function benchRide(lab: Lab): Promise<Row[]> {
  const mux = await MuxLab.open(lab);
  const { bare } = await mux.startMasters();
  const run = lab.spawn(
    NODE,
    [MUXGUARD, "run", "--ride", "--no-confine", "--", "sh", "-c", "command -v ssh; cat"],
    {
      env: mux.environment,
      stdio: ["pipe", "pipe", "inherit"],
    },
  );
  const shim = await firstWords(run);
  const ride = (): Promise<void> => lab.run(shim, [HOST, "true"], mux.environment);
  await ride();
  const way = readFileSync(join(dirname(dirname(shim)), "ways", `${HOST},,,`), "utf8");
  const [socket = ""] = way.split("\n");
  const plan = { rounds: 200, batch: 1, warmUp: 5 };
  const rows: Row[] = [];
  for (const [against, path] of [
    ["a master", bare],
    ["the same control socket", socket],
  ] as const) {
    const pair = await compare(() => mux.ssh(path, "true"), ride, plan);
    const { added, ratio } = difference(pair);
    rows.push({
      ...cells(`\`ssh host true\` in a run with \`--ride\`, against plain ssh over ${against}`, pair),
      result: `+ ${added.toFixed(2)} ms, ${ratio.toFixed(2)} × bare`,
      target: `≤ ${MOST_ADDED_IN_RIDE} ms`,
      holds: added <= MOST_ADDED_IN_RIDE,
    });
  }
  return rows;
}

export async function compare(
  bare: () => Promise<void>,
  guard: () => Promise<void>,
  plan: Plan,
): Promise<Pair> {
  const variants: Variant<"bare" | "guard">[] = [
    { name: "bare", once: bare },
    { name: "guard", once: guard },
  ];
  return pairOf(await interleave(variants, plan));
}

function pairOf(summaries: Map<string, Summary>): Pair {
  const of = (name: keyof Pair): Summary => summaries.get(name) ?? { p50: Number.NaN, p95: Number.NaN };
  return { bare: of("bare"), guard: of("guard") };
}

/** Of the medians. */
export function difference({ bare, guard }: Pair): { added: number; ratio: number } {
  return { added: guard.p50 - bare.p50, ratio: guard.p50 / bare.p50 };
}

export function cells(measure: string, { bare, guard }: Pair): Pick<Row, "measure" | "bare" | "guard"> {
  return { measure, bare: renderSummary(bare), guard: renderSummary(guard) };
}
