/**
 * What was done, as those tell who did it (the commands on the server, sshd, the agent, whoever got a
 * signature), against what the guard's log has.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { AuditEvent } from "../../../src/audit/event.ts";

export interface Account {
  /** Of sessions, logins, forwards and signatures, each with an id. */
  effects: number;
  /** The ids of those that no entry allows. */
  undecided: string[];
  /** What sshd and the agent have counted, and how many entries allow it. */
  totals: { what: string; counted: number; allowed: number }[];
  /** Lines that are no entries: where a daemon was killed as it wrote. */
  brokenLines: number;
}

const ID = /\b(?:session|login|signature|forward)-\d+\b/g;

/** Of ssh-agent's debug output: SSH_AGENTC_SIGN_REQUEST. */
const SIGN_REQUEST = /process_message: .* type 13$/gm;

/**
 * @param folder of the server and the agent
 * @param told ids of effects that no server tells of
 */
export function takeAccount(folder: string, logFile: string, told: readonly string[]): Account {
  const { events, brokenLines } = readLog(logFile);
  const allowed = events.filter(({ decision }) => decision === "allow");
  const decided = new Set(allowed.flatMap(idsOf));
  const effects = [...new Set([...textOf(join(folder, "effects")).split("\n"), ...told])].filter(
    (id) => id !== "",
  );
  const signatures = allowed.filter(({ kind }) => kind === "sign");
  return {
    effects: effects.length,
    undecided: effects.filter((id) => !decided.has(id)),
    totals: [
      {
        what: "logins that sshd let in",
        counted: countIn(textOf(join(folder, "box.sshd_log")), /Accepted publickey/g),
        allowed: signatures.filter(({ data }) => data === "userauth").length,
      },
      {
        what: "requests to sign that reached the agent",
        counted: countIn(textOf(join(folder, "agent_log")), SIGN_REQUEST),
        allowed: signatures.length,
      },
    ],
    brokenLines,
  };
}

/** What the ids are in: a session's command, a signature's namespace, the client's own command line. */
function idsOf({ command = "", namespace = "", caller }: AuditEvent): string[] {
  return [command, namespace, ...(caller?.cmdline ?? [])].join(" ").match(ID) ?? [];
}

function readLog(path: string): { events: AuditEvent[]; brokenLines: number } {
  const events: AuditEvent[] = [];
  let brokenLines = 0;
  for (const line of textOf(path).split("\n")) {
    if (line === "") continue;
    try {
      events.push(JSON.parse(line));
    } catch {
      brokenLines++;
    }
  }
  return { events, brokenLines };
}

function countIn(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}

function textOf(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}
