/** The first policy.toml, and the one for coding agents: what people keep, with words for whoever edits it. */
import { productionPatterns } from "./production.ts";

interface PolicyFacts {
  gitHosts: readonly string[];
  /** Named like production. */
  production: readonly string[];
}

/** @param deniesProduction otherwise that rule is a comment, to be put in force by hand */
export function firstPolicy({ gitHosts, production }: PolicyFacts, deniesProduction: boolean): string {
  const found = production.length > 0 ? ` Here: ${some(production)}.` : "";
  const rule = [
    "[[rule]]",
    'name   = "no production"',
    `host   = "${productionPatterns}"`,
    'action = "deny"',
  ];
  return textOf([
    "# What may be done with your keys and connections. `muxguard policy check` tells of mistakes.",
    "# The first rule that matches wins. A change counts from the next request on.",
    "",
    'default = "ask"                        # allow | deny | ask, where no rule matches',
    "",
    `# Hosts that are named like production, whoever asks.${found}`,
    ...(deniesProduction
      ? ["# Take this rule out, or put it out of force by #, to be asked again.", ...rule]
      : ["# To deny them, take the # away:", ...rule.map((line) => `# ${line}`)]),
    ...gitRule(gitHosts),
  ]);
}

/** Asked once: an approval lasts while the terminal is open, and "always" is offered. */
function gitRule(hosts: readonly string[]): string[] {
  if (hosts.length === 0) return [];
  return [
    "",
    '# Fetch and push. Asked once at each terminal; the answer "always" ends that, for the programs that ask.',
    "[[rule]]",
    'name    = "git hosts"',
    `host    = "${hosts.join(",")}"`,
    'user    = "git"',
    'action  = "ask"',
    'timeout = "5m"                         # no answer is a denial',
    '# remember = "8h"                      # at most so long; "always" is then no answer',
  ];
}

/** As docs/agents/generic.md has it, for the hosts that are known here. */
export function agentPolicy({ gitHosts }: Pick<PolicyFacts, "gitHosts">): string {
  const hosts = gitHosts.join(",");
  const rule = (name: string, on: string, ...rest: string[]): string[] => [
    "",
    "[[rule]]",
    `name     = "${name}"`,
    `on       = ["${on}"]`,
    ...rest,
  ];
  const there = `host     = "${hosts}"`;
  const git = [
    ...rule("agents reach the git hosts", "connect", there, 'user     = "git"', 'action   = "allow"'),
    ...rule("git fetch", "session", there, 'command  = "git-upload-pack *"', 'action   = "allow"'),
    ...rule("git push", "session", there, 'command  = "git-receive-pack *"', 'action   = "ask"'),
    'remember = "never"                     # each push is a question',
    'timeout  = "10m"',
  ];
  return textOf([
    "# What coding agents may do: each [scope.NAME] of config.toml that names this file.",
    "",
    'default = "ask"',
    "",
    "[[rule]]",
    'name     = "production is not for agents"',
    `host     = "${productionPatterns}"`,
    'action   = "deny"',
    ...(gitHosts.length > 0 ? git : []),
    ...rule("commits are signed", "sign", 'namespace = "git"', 'action   = "allow"'),
  ]);
}

const SHOWN = 5;

function some(names: readonly string[]): string {
  const more = names.length - SHOWN;
  return `${names.slice(0, SHOWN).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function textOf(lines: readonly string[]): string {
  return `${lines.join("\n")}\n`;
}
