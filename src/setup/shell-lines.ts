/**
 * What a shell's start-up file gets: the guard's SSH_AUTH_SOCK, and a daemon where none runs. Not inside of
 * runs, which have an agent socket of their own, and not where muxguard is gone.
 */
import type { ShellName } from "./facts.ts";

export interface ShellLines {
  /** How a shell calls muxguard. */
  command: string;
  envCommand: string;
  /** config.toml says which agent is behind the guard; otherwise the shell's own SSH_AUTH_SOCK does. */
  isUpstreamNamed: boolean;
  /** Coding agents that are to start in a run by their name. */
  aliases: readonly string[];
}

export function shellLines(shell: ShellName, lines: ShellLines): string[] {
  return shell === "fish" ? fishLines(lines) : shLines(lines);
}

function shLines({ command, envCommand, isUpstreamNamed, aliases }: ShellLines): string[] {
  // `daemon` points one that runs to the agent of a new login
  const start = isUpstreamNamed
    ? `eval "$(${envCommand} --sh 2>/dev/null || { ${command} daemon && ${envCommand} --sh; })"`
    : `${command} daemon 2>/dev/null; eval "$(${envCommand} --sh)"`;
  return [
    // by `ssh host command` bash reads it, too
    `if [ "\${-#*i}" != "$-" ] && [ -z "$MUXGUARD_PROMPTS" ] && command -v ${command} >/dev/null; then`,
    `  ${start}`,
    ...aliases.map((name) => `  alias ${name}='${command} run --scope ${name} -- ${name}'`),
    "fi",
  ];
}

function fishLines({ command, envCommand, isUpstreamNamed, aliases }: ShellLines): string[] {
  const start = isUpstreamNamed
    ? [`  ${envCommand} --fish >/dev/null 2>&1; or ${command} daemon`]
    : [`  ${command} daemon 2>/dev/null`];
  return [
    `if status is-interactive; and not set -q MUXGUARD_PROMPTS; and command -q ${command}`,
    ...start,
    `  ${envCommand} --fish | source`,
    ...aliases.map((name) => `  alias ${name} '${command} run --scope ${name} -- ${name}'`),
    "end",
  ];
}

/** Those that stand there from an earlier time. */
export function aliasesIn(text: string): string[] {
  const found = text.matchAll(/^ {2}alias ([\w-]+)[= ]'\S+ run --scope \1 -- \1'$/gm);
  return [...found].map(([, name = ""]) => name);
}
