/** Entries in the log for what is done to muxguard itself, and what happens to it. */
import { type AuditEvent, auditEvent, type Decided } from "../audit/event.ts";
import type { AuditLog } from "../audit/log.ts";
import { messageOf } from "../errors.ts";
import type { Broker } from "../guard/decide/broker.ts";
import { newId } from "../guard/decide/ids.ts";
import type { Caller, ControlOperation, GuardEvent, Request } from "../policy/request.ts";

/** Logs that what is guarded wanted to control the guard. */
export function logRefused(
  broker: Broker,
  caller: Caller,
  operation: ControlOperation,
  reason: string,
): void {
  const asker = { caller, isUnchanged: () => true, gone: new AbortController().signal, tells: true };
  broker.refuse(controlOf(operation), asker, { report: () => {} }, { what: "inside", reason });
}

/** Logs that somebody else did. @throws Error if the log can't be written */
export function logControl(log: AuditLog, caller: Caller, operation: ControlOperation, what = ""): void {
  log.append(controlEvent(caller, operation, what));
}

/**
 * The same for what takes place whether or not the log can be written: to lock makes things stricter, and after
 * unlocking nothing is allowed before the entry is there.
 * @returns why it is not there yet
 */
export function oweControl(log: AuditLog, caller: Caller, operation: ControlOperation): string | undefined {
  const fault = log.appendOrOwe(controlEvent(caller, operation));
  return fault === undefined ? undefined : messageOf(fault);
}

function controlEvent(caller: Caller, operation: ControlOperation, what = ""): AuditEvent {
  const reason = `asked for outside of any run${what === "" ? "" : `: ${what}`}`;
  const by = { decision: "allow", by: "default", reason } as const;
  const request = controlOf(operation);
  return auditEvent({ time: new Date(), id: newId(), request, caller, waitedMs: 0, ...by });
}

/**
 * Logs what happened to muxguard itself.
 * @param reason undefined where all is well again
 * @throws Error if the log can't be written
 */
export function logEvent(log: AuditLog, operation: GuardEvent, reason: string | undefined): void {
  const decision = reason === undefined ? "allow" : "deny";
  const decided = { decision, by: "fault:muxguard", ...(reason !== undefined && { reason }) } as const;
  log.append(ownEvent(operation, decided));
}

/**
 * Logs what a fleet says from now on.
 * @param isStricter whether it is in force already, and its entry may come later
 * @throws Error if the log can't be written
 */
export function logFleet(log: AuditLog, reason: string, isStricter: boolean): void {
  const event = ownEvent("fleet-policy", { decision: "allow", by: "default", reason });
  if (isStricter) log.appendOrOwe(event);
  else log.append(event);
}

/** Of what no process of this machine has asked for. */
function ownEvent(
  operation: GuardEvent | "fleet-policy",
  decided: Pick<Decided, "decision" | "by" | "reason">,
): AuditEvent {
  const fixed = { time: new Date(), id: newId(), request: controlOf(operation), caller: undefined };
  return auditEvent({ ...fixed, waitedMs: 0, ...decided });
}

function controlOf(operation: ControlOperation | GuardEvent | "fleet-policy"): Request {
  return { kind: "admin", operation, path: [], forwarded: false };
}
