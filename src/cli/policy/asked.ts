/** The request that `muxguard policy explain` is about: of flags, or of the log. */
import { realpathSync } from "node:fs";
import type { AuditEvent } from "../../audit/event.ts";
import { loggedRequest, seenCaller } from "../../audit/logged.ts";
import { hostNamed } from "../../identity/hosts/by-name.ts";
import { findPublicKey } from "../../identity/public-keys.ts";
import { describeDecision } from "../../policy/describe/decision.ts";
import { callerOf, contradictions, requestOf } from "../../policy/facts/facts.ts";
import type { Facts, PolicyCase } from "../../policy/facts/schema.ts";
import { type Caller, controlOperations, guardEvents, type Request } from "../../policy/request.ts";
import { findProgram } from "../../runs/ride/shims.ts";
import { expandHome } from "../../settings/expand-home.ts";
import { CliError, exitCodes } from "../cli-error.ts";
import { parseEvent } from "../log/fields.ts";
import { Tail } from "../log/tail.ts";
import { readSaid } from "./said.ts";

export interface Asked {
  request: Request;
  caller: Caller;
  /** What was decided then, of one that the log has. */
  decided?: string;
}

/** @param flags by the names that files have. @throws CliError */
export async function askedByFlags(flags: object, sshConfig: string | undefined): Promise<Asked> {
  // what is expected is no matter here
  const { content } = readSaid("cases", { ...flags, expect: "ask" });
  const { name: _, expect: __, by: ___, ...facts }: PolicyCase = content.case?.[0] ?? { expect: "ask" };
  const wrong = contradictions(facts);
  if (wrong.length > 0) throw new CliError(wrong.join("\n"), exitCodes.usage);
  const request = requestOf({ ...facts, ...(facts.key && { key: facts.key.flatMap(keyNames) }) });
  const caller = callerOf({ ...facts, ...(facts.program && { program: facts.program.map(programPath) }) });
  return { request: await atHostNamed(request, facts, sshConfig), caller };
}

/** What known_hosts proves, and ssh_config says, of a host that was named. */
async function atHostNamed(request: Request, facts: Facts, sshConfig: string | undefined): Promise<Request> {
  const { host: [host] = [], port, host_key, verified } = facts;
  if (host === undefined || verified !== undefined || !request.destination) return request;
  const to = { host, ...(port !== undefined && { port }) };
  const { destination, user } = await hostNamed(to, host_key, sshConfig);
  const isUserKnown = request.user !== undefined || user === undefined || user === "";
  return { ...request, destination, ...(!isUserKnown && { user }) };
}

function keyNames(text: string): string[] {
  const path = expandHome(text);
  const found = findPublicKey(path);
  if (!found && text.includes("/")) throw new CliError(`${text}: no public key is there`, exitCodes.usage);
  return found ? [found.fingerprint, ...(found.comment === undefined ? [] : [found.comment])] : [text];
}

/** The file that runs: the kernel knows no links. */
function programPath(text: string): string {
  const [name = "", ...script] = text.split(" ");
  const path = name.includes("/") || name.startsWith("(") ? name : findProgram(name);
  if (path === undefined) throw new CliError(`no program ${name} is in PATH`, exitCodes.usage);
  try {
    return [realpathSync(path), ...script].join(" ");
  } catch {
    return text; // one of another machine
  }
}

const notDecided: ReadonlySet<string | undefined> = new Set([...controlOperations, ...guardEvents]);

/** @param id the beginning of one. @throws CliError */
export async function askedByLog(log: string, id: string, sshConfig: string | undefined): Promise<Asked> {
  const event = findEvent(log, id);
  const logged = loggedRequest(event);
  if (!logged || notDecided.has(event.operation))
    throw new CliError(`entry ${event.id} is about muxguard itself, which no rule decides`, 1);
  const what = event.decision === "allow" ? "allowed" : "denied";
  return {
    request: await withNames(logged.request, sshConfig),
    caller: seenCaller(event.caller),
    decided: `${what} at ${event.time}: ${describeDecision(event.by, event.reason, event.note)}`,
  };
}

function findEvent(log: string, id: string): AuditEvent {
  const found = new Map<string, AuditEvent>();
  const begin = `"id":${JSON.stringify(id).slice(0, -1)}`;
  for (const line of new Tail(log).lines()) {
    const event = line.includes(begin) ? parseEvent(line) : undefined;
    if (typeof event?.id === "string" && event.id.startsWith(id)) found.set(event.id, event);
  }
  const [event, ...others] = found.values();
  if (!event || id === "") throw new CliError(`the log has no entry ${id} (muxguard log --json)`, 1);
  if (others.length > 0)
    throw new CliError(`several entries begin with ${id}: ${[...found.keys()].join(", ")}`, 1);
  return event;
}

/** The log has the first name alone; the others are looked up, if it is the same host still. */
async function withNames(request: Request, sshConfig: string | undefined): Promise<Request> {
  const { destination } = request;
  const [host] = destination?.names ?? [];
  if (!destination?.verified || host === undefined) return request;
  const { destination: now } = await hostNamed({ host }, destination.hostKey, sshConfig);
  return now.verified ? { ...request, destination: { ...now, how: destination.how } } : request;
}
