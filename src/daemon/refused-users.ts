/**
 * Connections of other users, root's among them: they are closed without a word, as the protocols have none.
 * So the user is told, in the log and in `muxguard status`.
 */
import { attempt } from "../attempt.ts";
import { Peer } from "../platform/proc/peer.ts";
import type { ProcessTable } from "../platform/proc/process.ts";
import { type Refusal, refusals } from "../platform/sockets/listener.ts";
import type { FaultLog } from "./fault-log.ts";
import type { Findings } from "./findings.ts";

/** How long `muxguard status` tells of the last one, in milliseconds. */
const TOLD_FOR = 60 * 60_000;

/** @returns what ends it */
export function tellOfRefused(
  faults: FaultLog,
  findings: Findings,
  processes: ProcessTable,
): { close(): void } {
  let count = 0;
  let timer: NodeJS.Timeout | undefined;
  const refused = (refusal: Refusal): void => {
    count++;
    const reason = describeRefusal(refusal);
    const caller = () => attempt(() => new Peer(refusal, processes).identify());
    if (!faults.note("use-socket", "uid", reason, caller)) return;
    const others = count > 1 ? `; ${count} so far` : "";
    findings.set("uid", `a connection was refused: ${reason}${others} (muxguard log)`);
    clearTimeout(timer);
    timer = setTimeout(() => findings.set("uid", undefined), TOLD_FOR).unref();
  };
  refusals.on("refused", refused);
  return {
    close: () => {
      refusals.off("refused", refused);
      clearTimeout(timer);
    },
  };
}

function describeRefusal({ uid, pid, path }: Refusal): string {
  const who = `uid ${uid}${uid === 0 ? " (root)" : ""}${pid > 0 ? `, pid ${pid}` : ""}`;
  return `${who} came to ${path}, and muxguard serves nobody but your own uid`;
}
