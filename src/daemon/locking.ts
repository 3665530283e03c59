/** What `muxguard lock` and `unlock` do to a guard. */
import type { Caller } from "../policy/request.ts";
import type { Locking } from "../rpc/requests.ts";
import type { GuardParts } from "./compose/guard.ts";
import { oweControl } from "./control-log.ts";

type Parts = Pick<GuardParts, "lock" | "questions" | "log" | "alarms" | "forget">;

/** Denies everything while it is on, and forgets all answers. What makes things stricter waits for no log. */
export function setLock(
  { lock, questions, log, alarms, forget }: Parts,
  on: boolean,
  caller: Caller,
): Locking {
  const was = lock.isOn;
  if (on) lock.turnOn();
  const unlogged = was === on ? undefined : oweControl(log, caller, on ? "lock-all" : "unlock-all");
  const [forgotten, denied] = on ? [forget(), questions.pending().length] : [0, 0];
  if (on) questions.withdraw("muxguard was locked");
  else lock.turnOff();
  if (!on) alarms.findings.set("lock", undefined);
  return { was, forgotten, denied, unlogged };
}
