/** Who asks, in words. What an interpreter runs is its own claim, and stands in quotes. */
import { claimedScript, isPlainShell, ownLine } from "../coverage.ts";
import { typedLine } from "../match/from-terminal.ts";
import type { Caller, Host, Process, Request } from "../request.ts";
import { folded, inQuotes, named, nameFolded, quoted, visibleEnds } from "../visible.ts";
import { calledWith } from "./led.ts";

/** How many programs a line names. */
const MOST = 6;

/** Where there is one line for it: how many, the longest name, and all of them, in characters. */
const SHORT = { most: 5, name: 32, line: 52 };

const systemFolders = /^\/(?:usr|bin|sbin|opt|snap|nix|gnu)\//;

/** What works for another program, which is who wants something. */
const helpers = /\/ssh(?:-keygen)?$/;

/**
 * The program that asks, and those that started it, up to the run that it belongs to: `ssh (pid 17), started
 * by git ← sh, in run "make"`.
 */
export function describeCaller(caller: Caller): string {
  const [, ...above] = startedBy(caller);
  const names = shortened(above.map(programWithScript));
  const started = names === "" ? "" : `, started by ${names}`;
  const claims = [caller, ...above].some(
    (process) => process.exeForeign || claimedScript(process) !== undefined,
  );
  const run = caller.run ? `, in run ${quoted(caller.run.name, 40)}` : "";
  return [
    `${programWithScript(caller)} (pid ${caller.pid})${started}${claims ? " (in quotes: claimed)" : ""}`,
    `${run}${caller.container ? ", in a container" : ""}`,
  ].join("");
}

/** Who asks, in a few words: `git (through ssh) in run "claude"`. */
export function describeProgram(caller: Caller): string {
  const run = caller.run ? ` in run ${quoted(caller.run.name, 40)}` : "";
  return `${describeActor(caller)}${run}`;
}

/**
 * The program that wants something: the first that is neither ssh nor a shell, as these do what another one
 * says.
 */
export function describeActor(caller: Caller): string {
  const actor = actorOf(caller);
  return actor === caller ? shortName(caller) : `${shortName(actor)} (through ${shortName(caller)})`;
}

/** Who asks over a forwarded agent is unknown: something on the last of the hosts, or on one before it. */
export function describeForwarder(caller: Caller, host: string): string {
  return `something on ${host} (through your ${programName(caller)}, forwarded agent)`;
}

/**
 * What the programs say of themselves: the one that wants something, and the one that asks where its words
 * say more than the request does.
 */
export function describeCommandLines(caller: Caller, request: Request): string {
  const lines = commandLines(caller, request);
  return lines.map((line) => inQuotes(visibleEnds(line, 160))).join(", then ");
}

/** The same as they are: not for a screen. */
export function commandLines(caller: Caller, { kind, forwarded }: Request): string[] {
  const actor = forwarded || kind === "confirm" ? caller : actorOf(caller);
  const saysMore = actor === caller || kind === "sign";
  const lines = [actor, ...(saysMore ? [caller] : [])].map(({ cmdline }) => calledWith(cmdline).join(" "));
  return [...new Set(lines)].filter((line) => line !== "");
}

/**
 * The line of programs as an approval covers it, up to the run or the shell of a terminal: what is the same twice
 * in a row is named once. What is above that shell, and paths, are in describeCaller().
 */
export function describeLine(caller: Caller): string {
  return shortened(programsOf(caller).map((process) => shortName(process)));
}

/** The same in one line of a screen: what is in the middle of it is left out, `ssh ← git ← … ← node "claude"`. */
export function describeLineShortly(caller: Caller): string {
  const names = different(programsOf(caller).map((process) => shortName(process, SHORT.name)));
  for (let kept = SHORT.most; kept > 2; kept--) {
    const shown = withoutMiddle(names, kept);
    if (shown.length <= SHORT.line) return shown;
  }
  return withoutMiddle(names, 2);
}

/** The last one is what started all the others. */
function withoutMiddle(names: readonly string[], most: number): string {
  const shown = names.length <= most ? names : [...names.slice(0, most - 1), "…", ...names.slice(-1)];
  return shown.join(" ← ");
}

/**
 * As its executable is called, or as it calls itself, in parentheses, where the kernel does not tell. Whoever
 * makes a file or a process names it as it likes: one outside of the folders of the system has its whole
 * path, and one that sees other files than the guard has it in quotes.
 */
export function programName({ exe, exeDeleted, exeForeign, name }: Process, limit = 100): string {
  if (exe === undefined) return `(${named(name, 32)})`;
  if (exeForeign) return inQuotes(folded(exe, limit));
  const shown = nameFolded(systemFolders.test(exe) ? exe.slice(exe.lastIndexOf("/") + 1) : exe, limit);
  return exeDeleted ? `${shown} (deleted)` : shown;
}

/** The path of the executable as the log has it; undefined where the kernel does not tell. */
export function executableText({ exe, exeDeleted, exeForeign }: Process): string | undefined {
  if (exeForeign) return `${exe} (claimed)`;
  return exeDeleted ? `${exe} (deleted)` : exe;
}

/** `github.com`, `127.0.0.1 port 2222`, `web1 (10.0.0.7)`, `web1 (127.0.0.1 port 2222)`. */
export function hostName({ names, hostKey, address, port }: Host, limit = 100): string {
  const name = folded(names[0] ?? hostKey ?? "hosts that nobody can name", limit);
  const at = port === undefined || port === 22 ? "" : `port ${port}`;
  if (address === undefined) return at === "" ? name : `${name} ${at}`;
  return `${name} (${folded(address, limit)}${at === "" ? "" : ` ${at}`})`;
}

/** Without shells, and as far up as rules look: the terminal at which somebody types wants nothing. */
function programsOf(caller: Caller): Process[] {
  const line = startedBy(caller, typedLine(caller));
  return line.filter((process) => process === caller || !isPlainShell(process));
}

/** The caller first. The first process of the system started everything: it says nothing. */
function startedBy(caller: Caller, line = ownLine(caller)): Process[] {
  const [, ...above] = line;
  if (caller.run) above.splice(above.length - aroundCommand(above, caller.run.confined));
  return [caller, ...above.filter(({ pid }) => pid !== 1)];
}

/** bubblewrap, and its own first process inside. */
const BUBBLEWRAPS = 2;

/**
 * How many processes stand between a run and its command: the shell of a terminal of its own, and bubblewrap
 * around it where the run is confined. They say nothing either. More that call themselves so are the command's.
 */
function aroundCommand(above: readonly Process[], confined = false): number {
  const shells = isMonitor(above.at(-1)) ? 1 : 0;
  let count = shells;
  while (confined && count < shells + BUBBLEWRAPS && isConfining(above.at(-1 - count))) count++;
  return count;
}

function isMonitor(process: Process | undefined): boolean {
  const { cmdline: [, option, , , name] = [] } = process ?? {};
  return process !== undefined && isPlainShell(process) && option === "-m" && name === "muxguard";
}

function isConfining(process: Process | undefined): boolean {
  return isBubblewrap(process) && process?.cmdline[1] === "--args" && process.cmdline[7] === "muxguard";
}

function isBubblewrap(process: Process | undefined): boolean {
  return process?.ofRoot === true && !process.exeForeign && /\/bwrap$/.test(process.exe ?? "");
}

/**
 * Outside of a run, a shell without `-c` is somebody's prompt: above it are terminals and what they run in.
 * Inside of one, it may be a program that types there.
 */
export function actorOf(caller: Caller): Process {
  if (!isHelper(caller)) return caller;
  for (const process of startedBy(caller, typedLine(caller))) {
    if (isHelper(process)) continue;
    if (!isPlainShell(process)) return process;
    if (!caller.run && isAtPrompt(process)) return caller;
  }
  return caller;
}

function isHelper({ exe, exeForeign }: Process): boolean {
  return exe !== undefined && !exeForeign && helpers.test(exe);
}

function isAtPrompt({ cmdline }: Process): boolean {
  return !cmdline.slice(1).some((word) => /^-[a-z]*c/.test(word));
}

function programWithScript(process: Process): string {
  const script = claimedScript(process);
  return script === undefined ? programName(process) : `${programName(process)} ${quoted(script, 60)}`;
}

/** Without the folders of its script. @param limit of each of its names, in characters */
export function shortName(process: Process, limit = 100): string {
  const script = claimedScript(process);
  const last = script?.slice(script.lastIndexOf("/") + 1);
  const program = programName(process, limit);
  return last === undefined ? program : `${program} ${quoted(last, Math.min(limit, 40))}`;
}

function shortened(all: readonly string[]): string {
  const names = different(all);
  const more = names.length - MOST;
  return [...names.slice(0, MOST), ...(more > 0 ? [`${more} more`] : [])].join(" ← ");
}

/** What is the same twice in a row is named once. */
function different(names: readonly string[]): string[] {
  return names.filter((name, at, all) => name !== all[at - 1]);
}
