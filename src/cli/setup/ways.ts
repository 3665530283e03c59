/**
 * By which ways a question would come, as far as this process can see: a daemon that it starts sees the same. One
 * that runs already says by itself where it reaches nobody.
 */
import { join } from "node:path";
import { composeWays } from "../../daemon/compose/ways.ts";
import { reasonOf } from "../../daemon/status/reach.ts";
import { ProcessTable } from "../../platform/proc/process.ts";
import { checkedReach } from "../../rpc/quick-checks.ts";
import { readOutside } from "../../runs/in-run.ts";
import { readConfig } from "../../settings/config.ts";
import type { Paths } from "../../settings/paths.ts";
import { useAnswering } from "../guards/guards.ts";

export interface WaysToAsk {
  /** Kinds of approvers that reach somebody on a screen. */
  reached: string[];
  /** Why others don't: `tmux: nobody is attached`. */
  unreached: string[];
  /** Whether a question waits for `muxguard approve`. */
  queue: boolean;
  /** What a daemon that runs says, where it reaches nobody. */
  fault?: string;
}

/** Outside of runs: those have a terminal of their own to ask on. */
export async function findWaysToAsk(paths: Paths): Promise<WaysToAsk> {
  const config = await readConfig(paths);
  const processes = new ProcessTable();
  const outside = (pid: number) => readOutside(processes, pid);
  const folder = join(paths.runtime, `init-${process.pid}`);
  const options = { environment: process.env, config, folder, outside };
  const { approvers, desktop } = composeWays(options);
  const caller = outside(process.pid);
  const ways: WaysToAsk = { reached: [], unreached: [], queue: config.approvers.includes("queue") };
  try {
    for (const approver of approvers.filter(({ kind }) => config.approvers.includes(kind))) {
      const why = await reasonOf(approver, caller);
      if (why === undefined) ways.reached.push(approver.kind);
      else ways.unreached.push(`${approver.kind}: ${why}`);
    }
  } finally {
    await desktop.close();
    processes.close();
  }
  const [fault] = await useAnswering(paths.daemonSocket, (guard) =>
    guard.request("reach", null, checkedReach),
  );
  return fault ? { ...ways, reached: [], fault } : ways;
}

export function describeWays({ reached, unreached, queue, fault }: WaysToAsk): string[] {
  if (fault !== undefined) return [fault];
  if (reached.length > 0) return [`a question would come by: ${reached.join(", ")}`];
  const other = queue ? "; answer by muxguard approve or muxguard watch" : ", and what is asked is denied";
  return [`outside of runs nobody is asked on a screen${other} (${unreached.join("; ")})`];
}
