/**
 * What a shell's start-up file gets: the guard's SSH_AUTH_SOCK, and a daemon where none runs. Not inside of
 * runs, which have an agent socket of their own, and not where muxguard is gone: then not a word.
 */
import { join } from "node:path";
import { quoted } from "../runs/ride/shims.ts";
import type { ShellName } from "./facts.ts";

export interface ShellLines {
  /** How a shell calls muxguard. */
  command: string;
  envCommand: string;
  /** Where these are, for a shell whose PATH does not lead there; undefined where the command is a path. */
  folder: string | undefined;
  /** config.toml says which agent is behind the guard; otherwise the shell's own SSH_AUTH_SOCK does. */
  isUpstreamNamed: boolean;
  /** Coding agents that are to start in a run by their name. */
  aliases: readonly string[];
}

export function shellLines(shell: ShellName, lines: ShellLines): string[] {
  return shell === "fish" ? fishLines(lines) : shLines(lines);
}

// Debian's ~/.profile reads ~/.bashrc before it adds ~/.local/bin to the PATH: so the folder is named here

function shLines({ command, envCommand, folder, isUpstreamNamed, aliases }: ShellLines): string[] {
  // `daemon` points one that runs to the agent of a new login
  const start = isUpstreamNamed
    ? `${envCommand} --sh 2>/dev/null || { ${command} daemon && ${envCommand} --sh; }`
    : `${command} daemon 2>/dev/null; ${envCommand} --sh`;
  const path = folder === undefined ? "" : `PATH=$PATH:${quoted(folder)}; `;
  const isThere =
    folder === undefined
      ? `command -v ${command} >/dev/null`
      : `{ command -v ${command} || command -v ${quoted(join(folder, command))}; } >/dev/null`;
  return [
    // by `ssh host command` bash reads it, too
    `if [ "\${-#*i}" != "$-" ] && [ -z "$MUXGUARD_PROMPTS" ] && ${isThere}; then`,
    `  eval "$(${path}${start})"`,
    ...aliases.map((name) => `  alias ${name}='${command} run --scope ${name} -- ${name}'`),
    "fi",
  ];
}

function fishLines({ command, envCommand, folder, isUpstreamNamed, aliases }: ShellLines): string[] {
  const start = isUpstreamNamed
    ? [`    ${envCommand} --fish >/dev/null 2>&1; or ${command} daemon`]
    : [`    ${command} daemon 2>/dev/null`];
  const isThere =
    folder === undefined
      ? `command -q ${command}`
      : `begin; command -q ${command}; or command -q ${fishQuoted(join(folder, command))}; end`;
  return [
    `if status is-interactive; and not set -q MUXGUARD_PROMPTS; and ${isThere}`,
    "  begin",
    ...(folder === undefined ? [] : [`    set -lx PATH $PATH ${fishQuoted(folder)}`]),
    ...start,
    `    ${envCommand} --fish | source`,
    "  end",
    ...aliases.map((name) => `  alias ${name} '${command} run --scope ${name} -- ${name}'`),
    "end",
  ];
}

/** In single quotes of fish, these two alone mean something. */
function fishQuoted(word: string): string {
  return `'${word.replace(/[\\']/g, "\\$&")}'`;
}

/** Those that stand there from an earlier time. */
export function aliasesIn(text: string): string[] {
  const found = text.matchAll(/^ {2}alias ([\w-]+)[= ]'\S+ run --scope \1 -- \1'$/gm);
  return [...found].map(([, name = ""]) => name);
}
