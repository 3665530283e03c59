/** A log entry as a line to read. */
import type { AuditEvent } from "../audit/event.ts";
import { describeDecision, describeRequest } from "../policy/describe.ts";
import type { Request } from "../policy/request.ts";
import { visible } from "../policy/visible.ts";

/** `2026-11-22 10:00:00 allow  log in to github.com as git with key "work" (rule "github"): ssh ← git ← bash` */
export function describeEvent(event: AuditEvent): string {
  const { caller, reason, remember } = event;
  const programs = caller
    ? [caller.exe ?? `(${caller.name ?? "unknown"})`, ...caller.ancestors].slice(0, 4).map(programName)
    : ["unknown"];
  const run = caller?.scope === undefined ? "" : ` in run "${visible(caller.scope, 40)}"`;
  const why =
    describeDecision(event.by, reason) + (remember === undefined ? "" : `, ${visible(remember, 20)}`);
  const who = `${programs.join(" ← ")}${run}`;
  return `${localTime(event.time)} ${event.decision.padEnd(5)}  ${describeRequest(requestOf(event))} (${why}): ${who}`;
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

function localTime(time: string): string {
  const date = new Date(time);
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
