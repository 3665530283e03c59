/**
 * Connections that nobody serves: of other users, root's among them, and those for which there is no
 * descriptor. The first are closed without a word, the others with little more: few protocols have words for
 * it. So the user is told, in the log and in `muxguard status`.
 */
import { attempt } from "../../attempt.ts";
import { Peer } from "../../platform/proc/peer.ts";
import type { ProcessTable } from "../../platform/proc/process.ts";
import { type Refusal, refusals } from "../../platform/sockets/listener.ts";
import type { FaultLog } from "./fault-log.ts";
import type { Findings } from "./findings.ts";

/** How long `muxguard status` tells of the last one, in milliseconds. */
const TOLD_FOR = 60 * 60_000;

/** Why they are refused, as the log has it. */
type Why = "uid" | "descriptors";

/** @returns what ends it */
export function tellOfRefused(
  faults: FaultLog,
  findings: Findings,
  processes: ProcessTable,
): { close(): void } {
  const counts = { uid: 0, descriptors: 0 };
  const timers: Partial<Record<Why, NodeJS.Timeout>> = {};
  const refused = (refusal: Refusal): void => {
    const why = refusal.lack === undefined ? "uid" : "descriptors";
    const count = ++counts[why];
    const reason = refusal.lack ?? describeUser(refusal);
    const caller = () => attempt(() => new Peer(refusal, processes).identify());
    faults.note("use-socket", why, reason, caller);
    const others = count > 1 ? `; ${count} so far` : "";
    findings.set(why, `a connection was refused: ${reason}${others} (muxguard log)`);
    clearTimeout(timers[why]);
    timers[why] = setTimeout(() => findings.set(why, undefined), TOLD_FOR).unref();
  };
  refusals.on("refused", refused);
  return {
    close: () => {
      refusals.off("refused", refused);
      for (const timer of Object.values(timers)) clearTimeout(timer);
    },
  };
}

function describeUser({ uid, pid, path }: Refusal): string {
  const who = `uid ${uid}${uid === 0 ? " (root)" : ""}${pid > 0 ? `, pid ${pid}` : ""}`;
  return `${who} came to ${path}, and muxguard serves nobody but your own uid`;
}
