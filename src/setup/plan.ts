/** From what was found, and what a person chose, to the changes of files. Pure: files are handed in. */
import { basename } from "node:path";
import { codingAgents } from "./coding-agents.ts";
import { configText } from "./config.ts";
import type { Facts, ShellName } from "./facts.ts";
import { bytesOf, putMarked } from "./marked.ts";
import { agentPolicy, firstPolicy } from "./policy.ts";
import { aliasesIn, shellLines } from "./shell-lines.ts";
import { PRIVATE, proposedUpstream } from "./upstream.ts";

export interface Choices {
  /** Paths, and "private"; empty where the shell's own SSH_AUTH_SOCK says it. */
  upstream: readonly string[];
  deniesProduction: boolean;
  /** Coding agents that get a scope. */
  scopes: readonly string[];
  /** Those of them that start in a run by their name. */
  aliases: readonly string[];
}

export interface Change {
  path: string;
  /** What it is for. */
  why: string;
  /** Its bytes as latin1; undefined where it is not there. */
  before: string | undefined;
  after: string;
}

/** What is done where nobody is asked. */
export function proposed({ agents, settings, codingAgents: found }: Facts): Choices {
  return {
    upstream: settings.hasUpstream ? [] : proposedUpstream(agents).named,
    deniesProduction: false,
    scopes: found.filter((name) => !settings.scopes.includes(name)),
    aliases: [],
  };
}

/** @param read the bytes of a file as latin1; undefined for one that is not there */
export function planChanges(
  facts: Facts,
  choices: Choices,
  read: (path: string) => string | undefined,
): Change[] {
  const { places, settings, shell, command, envCommand, folder, passing } = facts;
  const { upstream, scopes, aliases } = choices;
  const changes: Change[] = [];
  const add = (
    path: string,
    why: string,
    text: (present: string | undefined) => string | undefined,
  ): void => {
    const before = read(path);
    const after = text(before);
    if (after !== undefined && after !== before) changes.push({ path, why, before, after });
  };
  const agentFile = basename(places.agentPolicy);
  const named = codingAgents.filter(({ name }) => scopes.includes(name));
  add(places.config, "which agent holds the keys, and what coding agents may be", (present) =>
    configText(present, { upstream, scopes: named, agentPolicy: agentFile }),
  );
  if (!settings.hasPolicy)
    add(places.policy, "the rules", (present) =>
      present === undefined ? bytesOf(firstPolicy(facts, choices.deniesProduction)) : undefined,
    );
  if (named.length > 0)
    add(places.agentPolicy, "the rules of coding agents", (present) =>
      present === undefined ? bytesOf(agentPolicy(facts)) : undefined,
    );
  const { sshConfig } = places;
  if (passing.length > 0 && sshConfig !== undefined)
    add(sshConfig, "ssh asks the guard, which asks that agent; the first value counts", (present = "") =>
      putMarked(present, [`IdentityAgent ${sshWord(facts.agentSocket)}`], "start"),
    );
  if (shell.file !== undefined) {
    const isUpstreamNamed = settings.hasUpstream || upstream.length > 0;
    add(shell.file, "shells ask the guard, and start it", (present = "") => {
      const all = [...new Set([...aliasesIn(present), ...aliases])];
      const lines = shellLines(shell.name as ShellName, {
        command,
        envCommand,
        folder,
        isUpstreamNamed,
        aliases: all,
      });
      return putMarked(present, lines, "end");
    });
  }
  return changes;
}

/** In quotes, with its tokens as they are: ssh_config(5). */
function sshWord(path: string): string {
  return `"${path.replaceAll("%", "%%")}"`;
}

/** What is said beside the changes. */
export function notesOf(facts: Facts, { upstream, scopes, aliases }: Choices): string[] {
  const { settings, shell, places, passing, unconfinable, keys, agents } = facts;
  const bare = keys.filter(({ encrypted }) => !encrypted);
  const plain = scopes.filter((name) => !aliases.includes(name));
  return [
    ...(settings.hasPolicy ? ["your policy stays as it is"] : []),
    ...(settings.hasUpstream ? [] : proposedUpstream(agents).notes),
    ...(upstream.includes(PRIVATE)
      ? ["keys are in an ssh-agent of muxguard's own, that nobody else reaches: fill it by ssh-add"]
      : []),
    ...(shell.file === undefined
      ? [`no lines are known for ${shell.name}: muxguard daemon, and muxguard env in its start-up file`]
      : []),
    ...(shell.login === undefined
      ? []
      : [`a login shell does not read ${shell.file}: add . ~/.bashrc to ${shell.login}`]),
    ...(passing.length > 0 && places.sshConfig === undefined
      ? [`${passing.join(", ")}: IdentityAgent leads ssh past the guard; name ${facts.agentSocket} there`]
      : []),
    ...(scopes.length > 0 && unconfinable !== undefined
      ? [`runs can't be confined yet: ${unconfinable}`]
      : []),
    ...plain.map((name) => `${name} is confined by: muxguard run --scope ${name} -- ${name}`),
    ...bare.map(
      ({ path }) =>
        `${path} has no passphrase: whatever runs as you can use it, and no guard is asked; ` +
        `ssh-keygen -p -f ${path} gives it one, and muxguard init on a terminal offers ` +
        "to keep it in an agent of its own",
    ),
  ];
}
