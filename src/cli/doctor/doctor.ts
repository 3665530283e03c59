/** `muxguard doctor`: what makes the guard moot or brittle, each with its mend. */
import type { AuditEvent } from "../../audit/event.ts";
import { diagnose } from "../../doctor/diagnose.ts";
import { docsOf, type Finding } from "../../doctor/finding.ts";
import { checkedReach } from "../../rpc/quick-checks.ts";
import { askGuard } from "../../rpc/replies.ts";
import { readConfig } from "../../settings/config.ts";
import { openPaths } from "../../settings/paths.ts";
import { toStdout, toStdoutAsJson } from "../../to-stderr.ts";
import { useAnswering } from "../guards/guards.ts";
import { parseEvent } from "../log/fields.ts";
import { Tail } from "../log/tail.ts";

/** How much of the log is looked at, in bytes. */
const NEWEST = 4 * 1024 * 1024;

/** Returns the exit code: 1 where something is to be mended. */
export async function doctor({ json }: { json?: boolean }): Promise<number> {
  const paths = openPaths();
  const { sshConfig, fleet } = await readConfig(paths).catch(() => ({
    sshConfig: undefined,
    fleet: undefined,
  }));
  const [found] = await useAnswering(paths.daemonSocket, async (guard) => ({
    status: await askGuard(guard, "status", null),
    unreached: (await guard.request("reach", null, checkedReach)) ?? undefined,
  }));
  const { status, unreached } = found ?? { status: undefined, unreached: undefined };
  const events = newest(paths.log);
  const environment = process.env;
  const findings = await diagnose({ paths, environment, status, unreached, sshConfig, fleet, events });
  if (json) for (const one of findings) toStdoutAsJson(JSON.stringify({ ...one, docs: docsOf(one.topic) }));
  else for (const line of linesOf(findings)) toStdout(line);
  return findings.some(({ level }) => level === "wrong") ? 1 : 0;
}

function newest(log: string): Partial<AuditEvent>[] {
  return [...new Tail(log, NEWEST).lines()].flatMap((line) => parseEvent(line) ?? []);
}

function linesOf(findings: readonly Finding[]): string[] {
  const of = (level: Finding["level"]): Finding[] => findings.filter((one) => one.level === level);
  const [wrong, notes] = [of("wrong"), of("note")];
  const summary = [
    wrong.length === 0 ? "nothing is to be mended" : `${wrong.length} to mend`,
    ...(notes.length === 0 ? [] : [`${notes.length} to know`]),
  ];
  return [...wrong.flatMap(linesOfOne), ...notes.flatMap(linesOfOne), summary.join(", ")];
}

function linesOfOne({ topic, level, what, mend }: Finding): string[] {
  return [
    `${level === "wrong" ? "mend" : "know"}  ${what}`,
    ...(mend === undefined ? [] : [`      do: ${mend}`]),
    `      more: ${docsOf(topic)}`,
    "",
  ];
}
