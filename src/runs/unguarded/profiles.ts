/**
 * What a shell reads as it starts, and with which it leaves the guard: an SSH_AUTH_SOCK of another agent, and
 * in a ride a folder with an ssh of its own before the ride's.
 *
 * Limits: lines are looked at one by one.
 */
import { readdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { attempt } from "../../attempt.ts";
import { visible } from "../../policy/visible.ts";
import { readShellFiles, type ShellFile } from "./shell-files.ts";
import { type Way, type WayFacts, wayOf } from "./way.ts";

const inHome = [".bash_profile", ".bash_login", ".profile", ".bashrc"];
const ofZsh = [".zshenv", ".zprofile", ".zshrc", ".zlogin"];

const sets = /(?:^|[\s;&|{(])(?:SSH_AUTH_SOCK=|set(?:env)?\s(?:-\S+\s+)*SSH_AUTH_SOCK\s)/;
const starts = /\beval\b.*\b(?:ssh-agent|keychain)\b|\b(?:ssh-agent|keychain)\b.*\|\s*source\b/;
/** It is looked at before it is set: inside of a run, it is. In a ride it is not. */
const tests = new RegExp(
  [
    /-z\s+"?\$\{?SSH_AUTH/,
    /!\s*(?:\[+\s*)?-\w\s+"?\$?\{?SSH_AUTH/,
    /-[nSev]\s+"?\$?\{?SSH_AUTH[^|]*\|\|/,
    /set -q SSH_AUTH_SOCK; or|(?:not|!) set -q SSH_AUTH/,
    /\$\{SSH_AUTH_SOCK:?[-=]/,
  ]
    .map(({ source }) => source)
    .join("|"),
);
const testsForRun = /MUXGUARD_PROMPTS/;
/** How many lines before a setting its condition may stand. */
const REACH = 4;

export function profileWays(facts: WayFacts): Way[] {
  const isExcepted = (lines: readonly string[], at: number): boolean =>
    staysWithGuard(conditionOf(lines, at), facts.ride);
  const files = readShellFiles(profiles(facts.environment), facts.environment, isExcepted);
  return files.flatMap((file) => waysOf(file, facts));
}

/** The line, with the one before where that goes on in it. */
function conditionOf(lines: readonly string[], at: number): string {
  const [before = "", line = ""] = [lines[at - 1], lines[at]];
  return /(?:\|\||&&|\bthen|\\)\s*$/.test(before) ? `${before}\n${line}` : line;
}

function profiles({ ZDOTDIR, BASH_ENV, ENV, XDG_CONFIG_HOME }: NodeJS.ProcessEnv): string[] {
  const home = homedir();
  const fish = join(XDG_CONFIG_HOME || join(home, ".config"), "fish");
  const parts = (attempt(() => readdirSync(join(fish, "conf.d"))) ?? []).map((name) =>
    join(fish, "conf.d", name),
  );
  const named = [BASH_ENV, ENV].flatMap((path) => (path && isAbsolute(path) ? path : []));
  return [
    ...new Set([
      ...inHome.map((name) => join(home, name)),
      ...ofZsh.map((name) => join(ZDOTDIR || home, name)),
      join(fish, "config.fish"),
      ...parts,
      ...named,
    ]),
  ];
}

function waysOf({ path, lines, readBy }: ShellFile, { ride }: WayFacts): Way[] {
  const found = lines.flatMap((line, at) => {
    if (/^\s*(?:#|$)/.test(line)) return [];
    const here = `${visible(path)}:${at + 1}`;
    const where = readBy === undefined ? here : `${readBy} reads ${here}, which`;
    const agent = setsAgent(lines, at, ride) ? agentWay(path, where, ride) : [];
    const folder = ride ? folderWithSsh(line) : undefined;
    return folder === undefined ? agent : [agent, pathWay(path, where, folder)].flat();
  });
  return found.filter(({ id }, at) => found.findIndex((other) => other.id === id) === at);
}

export function setsAgent(lines: readonly string[], at: number, ride: boolean): boolean {
  const line = lines[at] ?? "";
  if (/muxguard/.test(line) || !(sets.test(line) || starts.test(line))) return false;
  const near = lines.slice(Math.max(0, at - REACH), at + 1).join("\n");
  return !staysWithGuard(near, ride);
}

function staysWithGuard(near: string, ride: boolean): boolean {
  return testsForRun.test(near) || (!ride && tests.test(near));
}

const UNLESS = '[ -n "$MUXGUARD_PROMPTS" ] ||';

function agentWay(file: string, where: string, ride: boolean): Way[] {
  const what = ride
    ? "sets SSH_AUTH_SOCK: a login shell in a ride reaches that agent, with an ssh that does not ride"
    : "sets SSH_AUTH_SOCK: a login shell in a run asks that agent, and not the guard";
  return [wayOf(`${ride ? "ride" : "agent"} ${file}`, `${where} ${what}`, `put ${UNLESS} before it`)];
}

function pathWay(file: string, where: string, folder: string): Way {
  const what = `${where} puts ${visible(folder)} before the ride's ssh: a login shell's ssh does not ride`;
  return wayOf(`path ${file}`, what, `put ${UNLESS} before it, or the folder behind $PATH`);
}

/** `PATH=/usr/bin:$PATH`, where there is such an ssh. */
export function folderWithSsh(line: string): string | undefined {
  const [, value] = /(?:^|[\s;&])PATH=["']?([^\s"';]*)/.exec(line) ?? [];
  if (value === undefined) return undefined;
  const [before = ""] = value.split(/\$\{?PATH\b/);
  const folders = before
    .split(":")
    .map((folder) => folder.replace(/^(?:~|\$HOME|\$\{HOME\})(?=\/)/, homedir()));
  return folders.find(
    (folder) => isAbsolute(folder) && attempt(() => statSync(join(folder, "ssh"))) !== undefined,
  );
}
