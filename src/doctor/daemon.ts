/** The daemon, the agents behind it, and whether this shell and anybody's screen know of it. */

import { visible } from "../policy/visible.ts";
import type { Status } from "../rpc/requests.ts";
import type { Finding } from "./finding.ts";

export interface DaemonFacts {
  /** Undefined where none runs. */
  status: Status | undefined;
  /** Why nobody can be asked, as the daemon says. */
  unreached: string | undefined;
  /** When it was started, and when its program was put there; in milliseconds since 1970. */
  startedAt: number | undefined;
  installedAt: number | undefined;
  /** SSH_AUTH_SOCK here. */
  agent: string | undefined;
  /** The folder in which all sockets of guards are. */
  runtime: string;
}

export function daemonFindings(facts: DaemonFacts): Finding[] {
  const { status, unreached } = facts;
  if (!status) return [notRunning];
  return [
    ...status.wrong.map((what): Finding => ({ topic: "daemon", level: "wrong", what })),
    ...oldDaemon(facts),
    ...agents(status),
    ...elsewhere(facts, status.agentSocket),
    ...(unreached === undefined ? [] : [notAsked(unreached)]),
    ...(status.locked ? [locked] : []),
  ];
}

const notRunning: Finding = {
  topic: "daemon",
  level: "note",
  what: "no daemon runs: what is not started with muxguard run is not guarded",
  mend: 'muxguard daemon; eval "$(muxguard env)"',
};

const locked: Finding = {
  topic: "daemon",
  level: "note",
  what: "the guard is locked: everything is denied",
  mend: "muxguard unlock",
};

function notAsked(what: string): Finding {
  return { topic: "asking", level: "wrong", what, mend: "name an approver that reaches you in config.toml" };
}

function oldDaemon({ startedAt, installedAt }: DaemonFacts): Finding[] {
  if (startedAt === undefined || installedAt === undefined || startedAt >= installedAt) return [];
  const what = "the daemon is older than the program: it was started before that was installed";
  return [{ topic: "daemon", level: "wrong", what, mend: "end it, and start it again: muxguard daemon" }];
}

function agents({ upstream }: Status): Finding[] {
  const topic = "agent";
  const mend = "muxguard upstream PATH";
  if (upstream.length === 0)
    return [{ topic, level: "wrong", what: "no agent is behind the guard: it has no key", mend }];
  return upstream.flatMap(({ name, fault }): Finding[] =>
    fault === undefined ? [] : [{ topic, level: "wrong", what: `${visible(name)}: ${visible(fault)}`, mend }],
  );
}

/** What this shell starts asks another agent. */
function elsewhere({ agent, runtime }: DaemonFacts, guarded: string | undefined): Finding[] {
  if (guarded === undefined || agent === guarded || agent?.startsWith(`${runtime}/`)) return [];
  const said = agent ? `is ${visible(agent)}` : "is not set";
  const what = `SSH_AUTH_SOCK ${said} here: what this shell starts does not ask the guard`;
  return [{ topic: "agent", level: "wrong", what, mend: 'eval "$(muxguard env)"' }];
}
