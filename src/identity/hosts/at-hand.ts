/**
 * Which names of hosts the user's known_hosts and ssh_config know, for whoever writes rules. No command is run
 * for a name, and nothing is connected to.
 */
import { userInfo } from "node:os";
import { attempt } from "../../attempt.ts";
import { SshConfigs } from "../ssh/configs.ts";
import { NO_HOST } from "../ssh/print-config.ts";
import { Aliases } from "../ssh-config/aliases.ts";
import { lookupsOf } from "../ssh-config/lookups.ts";
import { VisitPlan } from "../ssh-config/visits.ts";
import { anyMatches, type HostName, lineName, literalNames, SSH_PORT } from "./known-hosts.ts";
import { KnownHostsFiles } from "./known-hosts-files.ts";

export interface HostsAtHand {
  /** Whether a host of the name may prove a key. @param ports that it may have, beside ssh's own */
  has(name: string, ports?: readonly number[]): boolean;
  /** Those that are spelled out, in lower case. */
  names: readonly string[];
}

/** @param sshConfig for `ssh -F`, which then reads no other file */
export async function hostsAtHand(sshConfig: string | undefined): Promise<HostsAtHand> {
  const configs = new SshConfigs(sshConfig === undefined ? {} : { file: sshConfig });
  const [general, aliases, { sections }] = await Promise.all([
    configs.read(NO_HOST),
    new Aliases(configs.files).index(),
    configs.files.current(),
  ]);
  const files = new KnownHostsFiles();
  const paths = [...(general?.userKnownHostsFiles ?? []), ...(general?.globalKnownHostsFiles ?? [])];
  const lines = paths.flatMap((path) => files.read(path)).filter(({ marker }) => marker !== "revoked");
  const plan = new VisitPlan(sections);
  const surroundings = { user: attempt(() => userInfo().username) ?? "" };
  const isAlias = new Set([...aliases.aliases].map(({ name }) => name));
  const isLine = (host: HostName): boolean => anyMatches(lines, lineName(host));
  return {
    names: [...new Set([...isAlias, ...lines.flatMap(literalNames).map(({ name }) => name)])],
    has(name, ports = []) {
      if (isAlias.has(name)) return true;
      const plain = [SSH_PORT, ...ports].map((port) => ({ name, port }));
      return [...plain, ...(lookupsOf(name, sections, plan, surroundings) ?? [])].some(isLine);
    },
  };
}
