/** Kills what the plan says, and waits for each victim to be back before it is killed again. */
import type { ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../../lab/processes.ts";
import { type Kill, type Victim, victims } from "./plan.ts";
import type { Traffic } from "./traffic.ts";
import type { World } from "./world.ts";

/** Within which a victim is back, in milliseconds. */
const BACK = 60_000;

export interface Killed {
  counts: Record<Victim, number>;
  /** What did not come back. */
  missing: string[];
}

/** @param end when to stop, by Date.now() */
export async function kill(
  plan: readonly Kill[],
  world: World,
  traffic: Traffic,
  end: number,
): Promise<Killed> {
  const counts = Object.fromEntries(victims.map((victim) => [victim, 0])) as Record<Victim, number>;
  const missing: string[] = [];
  for (const { victim, signal, pause, choice } of plan) {
    await sleep(pause);
    if (Date.now() > end) break;
    const find = (): ChildProcess | undefined => {
      if (victim !== "client") return world.part(victim);
      const { clients } = traffic;
      return clients[Math.floor(choice * clients.length)];
    };
    await until(() => find() !== undefined, victim, BACK).catch(() =>
      missing.push(`no ${victim} for ${BACK} ms`),
    );
    if (find()?.kill(signal)) counts[victim]++;
  }
  return { counts, missing };
}
