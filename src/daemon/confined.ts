/** What a guard has to know of confined runs: their namespaces, and who must not be asked for them. */
import { readFileSync } from "node:fs";
import type { Approver } from "../approver/approver.ts";
import { attempt } from "../attempt.ts";
import { noteConfined } from "../platform/proc/namespaces.ts";
import { ProcessTable } from "../platform/proc/process.ts";
import type { ConfinedReach } from "../rpc/requests.ts";
import { type ClientConnection, serve } from "../rpc/serving.ts";
import type { Config } from "../settings/config.ts";

/** They ask on the X server. */
const onDesktop = ["notification", "askpass"];

/**
 * Those of them that the run can't answer for: whoever reaches the display can press the buttons there, and
 * type.
 * @param report for a line about those that are left out, if they would be asked
 */
export function outOfReach(
  known: readonly Approver[],
  confined: ConfinedReach | undefined,
  { config, environment }: { config: Pick<Config, "approvers">; environment: NodeJS.ProcessEnv },
  report: (line: string) => void,
): readonly Approver[] {
  const reached = howReached(confined, environment);
  if (reached === undefined) return known;
  const left = known.filter(({ kind }) => onDesktop.includes(kind));
  const isAsked = (one: Approver): boolean =>
    config.approvers.includes(one.kind) && one.unavailable() === undefined;
  if (left.some(isAsked))
    report(`muxguard: not asked for this run on the desktop: ${reached.why}; ${reached.mend}`);
  return known.filter((one) => !left.includes(one));
}

export function isDesktopReached(
  confined: ConfinedReach | undefined,
  environment: NodeJS.ProcessEnv,
): boolean {
  return howReached(confined, environment) !== undefined;
}

function howReached(
  confined: ConfinedReach | undefined,
  environment: NodeJS.ProcessEnv,
): { why: string; mend: string } | undefined {
  if (!confined) return undefined;
  if (confined.desktop)
    return { why: "the run may use it, and could answer itself", mend: "desktop = false keeps it away" };
  if (!confined.network || !hasAbstractX(environment.DISPLAY)) return undefined;
  const why = "the run reaches the X server by its abstract socket, and could answer itself";
  return { why, mend: "network = false keeps it away, or an X server that is started with -nolisten local" };
}

/** unix(7): a name that belongs to the network namespace, and to no file system. */
export function hasAbstractX(
  display: string | undefined,
  read = (path: string) => attempt(() => readFileSync(path, "latin1")) ?? "",
): boolean {
  const [, number] = /^(?:unix)?:(\d+)/.exec(display ?? "") ?? [];
  if (number === undefined) return false;
  return read("/proc/net/unix")
    .split("\n")
    .some((line) => line.endsWith(` @/tmp/.X11-unix/X${number}`));
}

/**
 * From what holds a run, and of a process that it has started: no other namespaces are taken for the run's.
 * @param holder its pid
 */
export function serveConfined(connection: ClientConnection, holder: number): void {
  let forget: (() => void) | undefined;
  connection.gone.addEventListener("abort", () => forget?.(), { once: true });
  serve(connection, "confined", ({ pid, moved }) => {
    forget?.();
    forget = isBelow(pid, holder) ? noteConfined(pid, moved) : undefined;
    if (!forget || !isBelow(pid, holder)) throw new Error("the guard can't see its namespaces");
    return null;
  });
}

function isBelow(pid: number, holder: number): boolean {
  const table = new ProcessTable();
  try {
    return table.read(pid).ancestors.some((one) => one.pid === holder);
  } finally {
    table.close();
  }
}
