/** Which agents go behind the guard. */
import type { FoundAgent } from "./facts.ts";

/** muxguard's own agent, as config.toml names it. */
export const PRIVATE = "private";

export interface Upstream {
  /** For upstream_agent of config.toml; empty where SSH_AUTH_SOCK says it anew at each login. */
  named: readonly string[];
  notes: readonly string[];
}

/** What is proposed where a person says nothing else. */
export function proposedUpstream(agents: readonly FoundAgent[]): Upstream {
  // one of ssh_config's may be locked now, and is used all the same
  const living = agents.filter(({ answers, from }) => answers || from === "IdentityAgent");
  const lasting = [...new Set(living.filter((one) => one.lasting).map(({ path }) => path))];
  const changing = living.find((one) => !one.lasting);
  if (lasting.length === 0) return { named: changing ? [] : [PRIVATE], notes: [] };
  const left = `the agent of SSH_AUTH_SOCK (${changing?.path}) has another path at each login, and is left out`;
  return { named: lasting, notes: changing ? [left] : [] };
}

/** Whether the socket of an agent has the same path at the next login: ssh-agent makes up one each time. */
export function isLasting(path: string, home: string): boolean {
  if (/\/agent\.\d+$|\/\.ssh\/agent\//.test(path)) return false;
  if (path.startsWith(`${home}/`)) return true;
  return !/^\/(?:tmp|var\/tmp|dev\/shm)\//.test(path);
}
