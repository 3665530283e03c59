/** Facts of a home that nobody has, to be varied. */
import type { Facts } from "../../src/setup/facts.ts";

export const HOME = "/home/me";
export const SOCKET = "/run/user/1000/muxguard/agent.sock";

export function facts(more: Partial<Facts> = {}): Facts {
  return {
    places: {
      config: `${HOME}/.config/muxguard/config.toml`,
      policy: `${HOME}/.config/muxguard/policy.toml`,
      agentPolicy: `${HOME}/.config/muxguard/agent.toml`,
      sshConfig: `${HOME}/.ssh/config`,
    },
    settings: { hasUpstream: false, scopes: [], hasPolicy: false },
    shell: { name: "bash", file: `${HOME}/.bashrc` },
    command: "muxguard",
    envCommand: "muxguard-env",
    folder: `${HOME}/.local/bin`,
    agentSocket: SOCKET,
    agents: [],
    passing: [],
    keys: [],
    gitHosts: [],
    production: [],
    codingAgents: [],
    unconfinable: undefined,
    controlFolders: [],
    around: [],
    ...more,
  };
}
