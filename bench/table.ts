/** The results as a table in Markdown, and what one has to know of the machine to read it. */
import { spawnSync } from "node:child_process";
import { availableParallelism, release, type } from "node:os";
import type { Summary } from "./samples.ts";

export interface Row {
  measure: string;
  bare?: string;
  passThrough?: string;
  filter?: string;
  guard: string;
  /** What the target is about: a ratio to bare, or a number with its unit. */
  result: string;
  target?: string;
  holds?: boolean;
}

const columns: readonly { heading: string; cell(row: Row): string | undefined }[] = [
  { heading: "measure", cell: ({ measure }) => measure },
  { heading: "bare", cell: ({ bare }) => bare },
  { heading: "Node pass-through", cell: ({ passThrough }) => passThrough },
  { heading: "ssh-agent-filter", cell: ({ filter }) => filter },
  { heading: "muxguard", cell: ({ guard }) => guard },
  { heading: "result", cell: ({ result }) => result },
  { heading: "target", cell: ({ target }) => target },
  { heading: "holds", cell: ({ holds }) => (holds === undefined ? undefined : holds ? "yes" : "no") },
];

/** Without the columns in which no row has anything. */
export function renderTable(rows: readonly Row[]): string {
  const used = columns.filter(({ cell }) => rows.some((row) => cell(row) !== undefined));
  const lines = [
    used.map(({ heading }) => heading),
    used.map(() => "---"),
    ...rows.map((row) => used.map(({ cell }) => cell(row) ?? "")),
  ];
  return lines.map(renderLine).join("\n");
}

function renderLine(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** `0.72 ms (0.93), CPU 0.21`: p50 and p95, and on average. */
export function renderSummary({ p50, p95, cpu }: Summary): string {
  const isShort = p50 < 0.5;
  const number = (milliseconds: number): string =>
    isShort ? (milliseconds * 1000).toFixed(0) : milliseconds.toFixed(p50 >= 10 ? 0 : 2);
  const wall = `${number(p50)} ${isShort ? "µs" : "ms"} (${number(p95)})`;
  return cpu === undefined ? wall : `${wall}, CPU ${number(cpu)}`;
}

export function describeMachine(): string {
  const ssh = spawnSync("ssh", ["-V"], { encoding: "utf8" }).stderr.trim().split(",")[0];
  return `Node ${process.versions.node}, ${type()} ${release()}, ${ssh}, ${availableParallelism()} CPUs`;
}
