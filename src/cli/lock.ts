/** `muxguard lock` and `muxguard unlock`: nothing at all, until a person says otherwise. */

import { Lock } from "../daemon/lock.ts";
import { askGuard } from "../rpc/replies.ts";
import type { Locking } from "../rpc/requests.ts";
import { openPaths } from "../settings/paths.ts";
import { toStdout } from "../to-stderr.ts";
import { eachGuard } from "./guards/guards.ts";

/** The guards first: one that refuses leaves everything as it is. The file is for those that begin later. */
export async function lock(on: boolean): Promise<void> {
  const later = new Lock(openPaths().runtime, () => {});
  const wasFile = later.isOn;
  const changed = eachGuard((guard) => askGuard(guard, "lock", on).catch(refusal));
  changed.catch(() => on && later.turnOn()); // one that does not answer now finds the file when it goes on
  const changes = (await changed).map(orThrow);
  if (on) later.turnOn();
  else later.turnOff();
  const was = changes.map((change) => change.was);
  const isNews = on ? !wasFile || was.includes(false) : wasFile || was.includes(true);
  const same = `muxguard ${on ? "is locked already (muxguard unlock)" : "was not locked"}`;
  toStdout(isNews ? told(on, changes) : same);
}

/** Where one guard refuses and another does not, the others' answers don't make up for it. */
function refusal(error: unknown): { refused: unknown } {
  return { refused: error };
}

function orThrow(change: Locking | { refused: unknown }): Locking {
  if ("refused" in change) throw change.refused;
  return change;
}

function told(on: boolean, changes: readonly Locking[]): string {
  if (!on) return "unlocked";
  const sum = (count: (change: Locking) => number): number =>
    changes.reduce((all, one) => all + count(one), 0);
  const [forgotten, denied] = [sum((change) => change.forgotten), sum((change) => change.denied)];
  const also = [
    ...(forgotten > 0 ? [`${counted(forgotten, "answer")} forgotten`] : []),
    ...(denied > 0 ? [`${counted(denied, "question")} denied`] : []),
  ];
  return ["locked: everything is denied until muxguard unlock", ...also].join("; ");
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
