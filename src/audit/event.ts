/**
 * What the log holds: one event for each decision, one JSON object a line. The names are used by other
 * programs. No secrets: no data that is signed, no passphrase, no private key ever comes here.
 */
import { formatDuration } from "../policy/duration.ts";
import type { Remember } from "../policy/grants.ts";
import type { Caller, Request } from "../policy/request.ts";

export interface AuditEvent {
  /** ISO 8601, UTC. */
  time: string;
  id: string;
  kind: Request["kind"];
  decision: "allow" | "deny";
  by: string;
  /** Why, where it was denied. */
  reason?: string;
  /** How long an answer is remembered: "once", "10m", "run", "session", "always". */
  remember?: string;
  host?: string;
  port?: number;
  hostKey?: string;
  verified?: boolean;
  /** How the host was verified, or why it was not. */
  how?: string;
  /** The host that the caller's command line names, where it was not verified. */
  claimed?: string;
  user?: string;
  key?: { type?: string; fingerprint: string; comment?: string };
  data?: Request["data"];
  namespace?: string;
  operation?: Request["operation"];
  provider?: string;
  constraints?: string[];
  command?: string;
  subsystem?: string;
  tty?: true;
  x11?: true;
  forwardAgent?: true;
  /** The names of the variables alone: the values may be secrets. */
  environment?: string[];
  forward?: Request["forward"];
  /** A program's own question. */
  prompt?: string;
  forwarded?: boolean;
  /** The hops that the request was forwarded through, the nearest first. */
  path?: string[];
  caller?: AuditCaller;
  waitedMs?: number;
}

export interface AuditCaller {
  pid: number;
  exe?: string;
  cmdline: string[];
  cwd?: string;
  tty?: string;
  session: string;
  /** Executables, the parent's first; a name in parentheses where the kernel does not tell. */
  ancestors: string[];
  container: boolean;
  scope?: string;
}

export interface Decided {
  time: Date;
  id: string;
  request: Request;
  /** Absent if the caller could not be identified. */
  caller: Caller | undefined;
  decision: "allow" | "deny";
  by: string;
  reason?: string;
  /** For a person's answer. */
  remember?: Remember;
  /** Spent waiting for an answer, in milliseconds. */
  waitedMs: number;
}

/** The event of a decision. What does not apply is absent. */
export function auditEvent({ time, request, caller, ...decided }: Decided): AuditEvent {
  const { id, decision, by, reason, remember, waitedMs } = decided;
  const { kind, destination, path, forwarded, ...asked } = request;
  return {
    time: time.toISOString(),
    id,
    kind,
    decision,
    by,
    ...(reason !== undefined && { reason }),
    ...(remember && {
      remember: typeof remember === "string" ? remember : formatDuration(remember.milliseconds),
    }),
    ...(destination && destinationFields(destination)),
    ...asked,
    ...(forwarded && { forwarded, path: path.map((hop) => hop.names[0] ?? hop.hostKey ?? "unknown") }),
    ...(caller && { caller: auditCaller(caller) }),
    waitedMs: Math.round(waitedMs),
  };
}

function destinationFields({
  names,
  port,
  hostKey,
  verified,
  how,
  claimed,
}: NonNullable<Request["destination"]>) {
  return {
    ...(names[0] !== undefined && { host: names[0] }),
    ...(port !== undefined && { port }),
    ...(hostKey !== undefined && { hostKey }),
    verified,
    how,
    ...(claimed !== undefined && { claimed }),
  };
}

function auditCaller({
  pid,
  exe,
  cmdline,
  cwd,
  tty,
  session,
  ancestors,
  container,
  run,
}: Caller): AuditCaller {
  return {
    pid,
    ...(exe !== undefined && { exe }),
    cmdline,
    ...(cwd !== undefined && { cwd }),
    ...(tty !== undefined && { tty }),
    session,
    ancestors: ancestors.map((process) => process.exe ?? `(${process.name})`),
    container,
    ...(run && { scope: run.name }),
  };
}
