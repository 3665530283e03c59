/** A log entry as a line to read. */
import type { AuditEvent } from "../../audit/event.ts";
import { describeDecision } from "../../policy/describe/decision.ts";
import { describeRequest } from "../../policy/describe/request.ts";
import { guardEvents, type Request } from "../../policy/request.ts";
import { visible } from "../../policy/visible.ts";

/**
 * `2026-11-22 10:00:00 allow log in to github.com as git with key "work" (rule "github"): ssh ← git ← bash`
 */
export function describeEvent(event: AuditEvent): string {
  const [day, time] = localTime(event.time);
  return `${day} ${time} ${describeWhat(event, describeDecision(event.by, event.reason, event.note))}`;
}

/**
 * The same in fewer words, for a screen that shows what just happened: `10:00:00 allow log in to … (you,
 * tmux, 10m): ssh ← git`
 */
export function describeEventBriefly(event: AuditEvent): string {
  const [, time] = localTime(event.time);
  return `${time} ${describeWhat(event, describeBriefly(event))}`;
}

function describeWhat(event: AuditEvent, because: string): string {
  const { caller, remember } = event;
  const programs = caller
    ? [caller.exe ?? `(${caller.name ?? "unknown"})`, ...caller.ancestors].slice(0, 4).map(programName)
    : [isOwn(event) ? "muxguard" : "unknown"];
  const run = caller?.scope === undefined ? "" : ` in run "${visible(caller.scope, 40)}"`;
  const why = because + (remember === undefined ? "" : `, ${visible(remember, 20)}`);
  const who = `${programs.join(" ← ")}${run}`;
  return `${event.decision.padEnd(5)}  ${describeRequest(requestOf(event))} (${why}): ${who}`;
}

/** What happens to muxguard itself has no caller. */
function isOwn({ operation }: AuditEvent): boolean {
  return guardEvents.some((one) => one === operation);
}

function describeBriefly({ by, reason, decision }: AuditEvent): string {
  const [what, kind = ""] = by.split(":");
  if (what !== "approver") return describeDecision(by, reason);
  const place =
    kind === "queue" ? `muxguard ${decision === "allow" ? "approve" : "deny"}` : visible(kind, 20);
  return `${reason === undefined ? "you" : visible(reason, 300)}, ${place}`;
}

function requestOf(event: AuditEvent): Request {
  const { kind, host, port, hostKey, verified, how, claimed, path = [], forwarded = false, ...asked } = event;
  const destination = verified !== undefined && {
    names: host === undefined ? [] : [host],
    ...(port !== undefined && { port }),
    ...(hostKey !== undefined && { hostKey }),
    ...(claimed !== undefined && { claimed }),
    verified,
    how: how ?? "",
  };
  const { user, key, data, namespace, operation, provider, constraints } = asked;
  return {
    kind,
    ...(destination && { destination }),
    ...(user !== undefined && { user }),
    ...(key && { key }),
    ...(data && { data }),
    ...(namespace !== undefined && { namespace }),
    ...(operation && { operation }),
    ...(provider !== undefined && { provider }),
    ...(constraints && { constraints }),
    ...sessionOf(event),
    ...(event.forward && { forward: event.forward }),
    path: path.map((name) => ({ names: [name] })),
    forwarded,
  };
}

type Session = Pick<Request, "command" | "subsystem" | "tty" | "x11" | "forwardAgent" | "environment">;

function sessionOf({ command, subsystem, tty, x11, forwardAgent, environment }: AuditEvent): Session {
  return {
    ...(command !== undefined && { command }),
    ...(subsystem !== undefined && { subsystem }),
    ...(tty && { tty }),
    ...(x11 && { x11 }),
    ...(forwardAgent && { forwardAgent }),
    ...(environment && { environment }),
  };
}

function programName(exe: string): string {
  return visible(exe.slice(exe.lastIndexOf("/") + 1), 32);
}

/** The day, and the time. */
function localTime(time: string): [string, string] {
  const date = new Date(time);
  const two = (value: number): string => String(value).padStart(2, "0");
  return [
    `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`,
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`,
  ];
}
