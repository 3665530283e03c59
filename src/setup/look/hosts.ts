/** Hosts that known_hosts and ssh_config know, as far as their names can be told. */
import { readIfFile } from "../../identity/file-stamps.ts";
import {
  isHashed,
  type KnownHostsEntry,
  lineName,
  literalNames,
  matches,
  parseKnownHosts,
  SSH_PORT,
} from "../../identity/hosts/known-hosts.ts";
import { parseSshConfig } from "../../identity/ssh/config.ts";
import { NO_HOST, printConfig } from "../../identity/ssh/print-config.ts";
import type { Mention } from "../../identity/ssh-config/mentions.ts";
import { isGitHost, knownForges } from "../git-hosts.ts";
import { isNamedProduction } from "../production.ts";

/** Of `ssh -G`, in milliseconds. */
const PATIENCE = 5000;

export interface FoundHosts {
  git: string[];
  production: string[];
}

/** @param sshConfig for `ssh -F`; undefined for the user's own files */
export async function findHosts(
  sshConfig: string | undefined,
  mentions: readonly Mention[],
): Promise<FoundHosts> {
  const entries = await knownEntries(sshConfig);
  const configured = valuesOf("hostname", mentions);
  const aliases = valuesOf("host", mentions).filter((alias) => !/[*?!]/.test(alias));
  const names = [
    ...entries.flatMap(literalNames).map(({ name }) => name),
    ...hashedNames(entries, configured),
  ];
  const known = [...new Set(names)];
  return {
    git: known.filter(isGitHost),
    production: [...new Set([...known, ...configured, ...aliases])].filter(isNamedProduction),
  };
}

function valuesOf(keyword: string, mentions: readonly Mention[]): string[] {
  return mentions.filter((one) => one.keyword === keyword).map(({ value }) => value.toLowerCase());
}

async function knownEntries(sshConfig: string | undefined): Promise<KnownHostsEntry[]> {
  const printed = await printConfig({ host: NO_HOST }, { file: sshConfig, timeout: PATIENCE });
  const { userKnownHostsFiles = [], globalKnownHostsFiles = [] } = parseSshConfig(printed ?? "") ?? {};
  const files = [...userKnownHostsFiles, ...globalKnownHostsFiles];
  const entries = files.flatMap((path) => parseKnownHosts(readIfFile(path) ?? ""));
  return entries.filter(({ marker }) => marker === "none");
}

/** A hash only confirms a name that somebody offers. */
function hashedNames(entries: readonly KnownHostsEntry[], configured: readonly string[]): string[] {
  const hashed = entries.filter(isHashed);
  return [...knownForges, ...configured].filter((name) =>
    hashed.some((entry) => matches(entry, lineName({ name, port: SSH_PORT }))),
  );
}
