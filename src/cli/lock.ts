/** `muxguard lock` and `muxguard unlock`: nothing at all, until a person says otherwise. */

import { AuditLog } from "../audit/log.ts";
import { oweControl } from "../daemon/control-log.ts";
import { Lock } from "../daemon/lock.ts";
import { openRegular } from "../platform/files/regular-file.ts";
import { ProcessTable } from "../platform/proc/process.ts";
import { visible } from "../policy/visible.ts";
import { askGuard } from "../rpc/replies.ts";
import type { Locking } from "../rpc/requests.ts";
import { isSelfMarked } from "../runs/mark.ts";
import { openPaths, type Paths } from "../settings/paths.ts";
import { toStderr, toStdout } from "../to-stderr.ts";
import { counted } from "./counted.ts";
import { eachGuard } from "./guards/guards.ts";

/** The guards first: one that refuses leaves everything as it is. The file is for those that begin later. */
export async function lock(on: boolean): Promise<void> {
  const paths = openPaths();
  const later = new Lock(paths, () => {});
  const wasOn = later.recall() || later.isOn;
  const changed = eachGuard((guard) => askGuard(guard, "lock", on).catch(refusal));
  changed.catch(() => on && later.turnOn()); // one that does not answer now finds the file when it goes on
  const changes = (await changed).map(orThrow);
  if (on) later.turnOn();
  const isLogged = changes.some(({ was }) => was !== on);
  const isNews = isLogged || wasOn !== on;
  const unlogged = changes.find((change) => change.unlogged !== undefined)?.unlogged;
  const fault = isNews && !isLogged ? record(on, paths) : unlogged;
  if (!on) later.turnOff();
  if (fault !== undefined) toStderr(`muxguard: the log has no entry of this yet: ${visible(fault, 300)}`);
  const same = `muxguard ${on ? "is locked already (muxguard unlock)" : "was not locked"}`;
  toStdout(isNews ? told(on, changes) : same);
}

/**
 * Where no guard is there to do it, nor to write it later: then it stays locked.
 * @returns why it is not in the log
 * @throws Error if it can't be unlocked
 */
function record(on: boolean, { log: path }: Paths): string | undefined {
  if (isSelfMarked() && !on) throw new Error("refused: inside of a muxguard run");
  const log = new AuditLog(path, openRegular);
  try {
    const caller = new ProcessTable().read(process.pid);
    const fault = oweControl(log, caller, on ? "lock-all" : "unlock-all");
    if (fault === undefined || on) return fault;
    throw new Error(`still locked, as the log can't be written: ${fault}; make room, then muxguard unlock`);
  } finally {
    log.close();
  }
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
