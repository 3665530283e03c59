/** `muxguard log --stats`: questions a day, what answered them, and how long a person was waited for. */
import { describePlace } from "../../policy/describe/decision.ts";
import { visible } from "../../policy/visible.ts";
import { toStdout, toStdoutAsJson } from "../../to-stderr.ts";
import { type FilterOptions, filterOf } from "./filter.ts";
import { eachEntry } from "./log.ts";
import { type Counts, Summarizer, type Summary } from "./summary.ts";

export async function stats(options: FilterOptions & { json?: boolean }): Promise<void> {
  const summarizer = new Summarizer();
  eachEntry(filterOf(options), (line) => summarizer.add(line));
  const summary = summarizer.result();
  if (options.json) toStdoutAsJson(JSON.stringify(summary));
  else for (const line of describeSummary(summary)) toStdout(line);
}

function describeSummary({ days, by, waited, ...all }: Summary): string[] {
  if (all.entries === 0) return ["no entry"];
  const rows = [
    ["day", "entries", "asked", "denied"],
    ...Object.entries(days).map(([day, counts]) => [day, ...cellsOf(counts)]),
    ["all", ...cellsOf(all)],
    [""],
    ["decided by", "entries", "asked", "denied"],
    ...Object.entries(by)
      .sort(([, one], [, other]) => other.entries - one.entries)
      .map(([what, counts]) => [nameOf(what), ...cellsOf(counts)]),
  ];
  const asked = waited
    ? `waited for an answer: half of them ${seconds(waited.p50)}, most ${seconds(waited.p95)}, ` +
      `the longest ${seconds(waited.most)}`
    : "nobody was asked";
  return [...aligned(rows), "", asked];
}

function cellsOf({ entries, asked, denied }: Counts): string[] {
  return [entries, asked, denied].map(String);
}

function nameOf(what: string): string {
  const [kind, place] = what.split(/:(.*)/s);
  if (kind === "approver") return `you, ${visible(describePlace(place ?? ""), 60)}`;
  return words[kind ?? ""] ?? visible(what, 60);
}

const words: Readonly<Record<string, string>> = {
  rule: "a rule",
  grant: "an answer that is remembered",
  default: "the default",
  fault: "a fault, or nobody's answer",
  broken: "the old policy, as the new one is broken",
  unverified: "what the fleet says, which can't be verified",
};

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

/** The first column to the left, numbers to the right. */
function aligned(rows: readonly string[][]): string[] {
  const widths = [0, 1, 2, 3].map((at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart((widths[at] ?? 0) + 2)))
      .join("")
      .trimEnd(),
  );
}
