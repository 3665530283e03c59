/** A log entry as a line to read. */
import type { AuditEvent } from "../../audit/event.ts";
import { describeDecision } from "../../policy/describe/decision.ts";
import { describeRequest } from "../../policy/describe/request.ts";
import { guardEvents, type Request } from "../../policy/request.ts";
import { visible } from "../../policy/visible.ts";

/** What a line is to have at most, in columns, where fewer of the programs tell enough. */
const WIDTH = 110;
/** Of the programs that led to it, from whoever asked on. */
const PROGRAMS = 4;
/** `2026-11-22 10:00:00 k3f9x2 ` */
const BEFORE = 27;

/**
 * `2026-11-22 10:00:00 k3f9x2 allow  log in to github.com as git with key "work" (rule "github"): ssh ← git`
 */
export function describeEvent(event: AuditEvent): string {
  return `${localTime(event.time)} ${visible(event.id, 20)} ${describeDecided(event)}`;
}

/** The same without time and id, which are no two entries' own. */
export function describeDecided(event: AuditEvent): string {
  const because = describeDecision(event.by, event.reason, event.note);
  for (let programs = PROGRAMS; programs > 1; programs--) {
    const words = describeWhat(event, because, programs);
    if (words.length <= WIDTH - BEFORE) return words;
  }
  return describeWhat(event, because, 1);
}

/**
 * The same in fewer words, for a screen that shows what just happened: `10:00:00 allow log in to … (you,
 * tmux, 10m): ssh ← git`
 */
export function describeEventBriefly(event: AuditEvent): string {
  const [, time] = localTime(event.time).split(" ");
  return `${time} ${describeWhat(event, describeBriefly(event), PROGRAMS)}`;
}

function describeWhat(event: AuditEvent, because: string, most: number): string {
  const { caller, remember } = event;
  const programs = caller
    ? [caller.exe ?? `(${caller.name ?? "unknown"})`, ...caller.ancestors].slice(0, most).map(programName)
    : [isOwn(event) ? "muxguard" : isOfFleet(event) ? "the fleet" : "unknown"];
  const run = caller?.scope === undefined ? "" : ` in run "${visible(caller.scope, 40)}"`;
  const why = because + (remember === undefined ? "" : `, ${visible(remember, 20)}`);
  const who = `${programs.join(" ← ")}${run}`;
  return `${event.decision.padEnd(5)}  ${describeRequest(requestOf(event))} (${why}): ${who}`;
}

/** What happens to muxguard itself has no caller. */
function isOwn({ operation }: AuditEvent): boolean {
  return guardEvents.some((one) => one === operation);
}

/** Nobody at the bus is a process of this machine. */
function isOfFleet({ operation }: AuditEvent): boolean {
  return operation === "fleet-policy" || operation === "answer-fleet";
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

/** `2026-11-22 10:00:00`, by the clock of the machine. */
export function localTime(time: string): string {
  const date = new Date(time);
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Where the minute ends in ISO 8601. */
const MINUTE = "2026-11-22T10:00".length;

/** The same for many entries in their order: the system is asked once for each minute. */
export class LocalClock {
  #utc = "";
  #local = "";

  timeOf(time: string): string {
    if (time.slice(0, MINUTE) !== this.#utc) {
      this.#utc = time.slice(0, MINUTE);
      this.#local = localTime(time).slice(0, MINUTE);
    }
    return `${this.#local}${time.slice(MINUTE, MINUTE + 3)}`;
  }
}
