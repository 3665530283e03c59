/** What an approval or a denial covers: as text, to compare. */
import {
  type Caller,
  type Destination,
  isTrust,
  type Process,
  type ProcessId,
  processKey,
  type Request,
} from "./request.ts";

/**
 * What a grant for this request would cover, as text to compare: kind, host, user, key, command or forward
 * with all that belongs to it, path of hops, and who asks. Undefined for what is never remembered: data and
 * questions of unknown shape, whom to trust, and what came through hosts that nobody can name.
 *
 * @param run the run that the request came from: a grant does not outlive it, nor reach another one of the
 * same name
 * @param reach from where else the same may be asked
 */
export function coverage(
  request: Request,
  caller: Caller,
  run: string | undefined,
  reach: Reach = "terminal",
): string | undefined {
  if (
    request.data === "opaque" ||
    isTrust(request.operation) ||
    (request.forwarded && !isProven(request.path))
  )
    return undefined;
  const { kind, user, namespace, operation, provider, constraints, destination } = request;
  if (request.forwarded && destination && !destination.verified) return undefined;
  const host = destination && [
    destination.verified,
    ...placeOf(destination),
    destination.verified ? undefined : destination.claimed, // the question showed it
  ];
  const asked = [kind, host, user, request.data, request.key?.type, request.key?.fingerprint];
  const more = [namespace, request.repository, request.branch, operation, provider, constraints];
  const hops = request.path.map((hop) => hop.hostKey);
  const connection = [sessionPart(request), forwardPart(request)];
  // an answer to an ssh-agent or a master is about what that one holds, in the words that it used
  const confirmed = kind === "confirm" ? [request.prompt, caller.pid, caller.startTime] : [];
  return JSON.stringify([
    asked,
    more,
    connection,
    confirmed,
    request.forwarded,
    hops,
    whoIsAllowed(caller, run, reach),
  ]);
}

/** All that is known of the host: the same whichever of its names was typed. */
export function placeOf({ names, port, ports, hostKey, hostKeys, lookups }: Destination): unknown[] {
  const keys = hostKey ?? sorted(hostKeys);
  return [keys, sorted(names), sorted(ports ?? (port === undefined ? [] : [port])), sorted(lookups)];
}

function sorted<T>(some: readonly T[] = []): T[] {
  return [...some].sort();
}

function sessionPart({ command, subsystem, tty, x11, forwardAgent, environment = [] }: Request): unknown[] {
  return [command, subsystem, tty, x11, forwardAgent, [...environment].sort()];
}

function forwardPart({ forward }: Request): unknown[] {
  return [forward?.kind, forward?.listen, forward?.connect, forward?.target];
}

/**
 * Who asks, as text to compare: the line of programs, the run or login session, and the container. For
 * denials and limits: whoever removes its own file stays who it was.
 *
 * @param run the run that the request came from
 */
export function whoAsks(caller: Caller, run: string | undefined): string {
  return whoIsAllowed(byPath(caller), run, "session");
}

/**
 * From where else the same may be asked: the caller's own terminal alone, as with sudo, or all of its login
 * session. In a run it is always the run.
 */
export type Reach = "terminal" | "session";

/** The same for approvals: what runs may be another file than the one at its path. */
export function whoIsAllowed(caller: Caller, run: string | undefined, reach: Reach): string {
  const programs = lineOf([caller, ...caller.ancestors], programAndFile);
  const place = run === undefined ? placeOfCaller(caller, reach) : ["run", run];
  return JSON.stringify([programs, place, caller.container]);
}

function placeOfCaller(caller: Caller, reach: Reach): string[] {
  const terminal = reach === "terminal" ? terminalOf(caller) : undefined;
  return [reach, terminal ? processKey(terminal) : caller.session];
}

/**
 * What stands for a terminal: the process that leads the POSIX session on it. For one that leads its own, as
 * what starts each ssh apart makes it do, its parent, as sudo has it. Undefined where that has ended.
 */
export function terminalOf({ pid, leader, ancestors: [parent] }: Caller): ProcessId | undefined {
  const found = leader?.pid === pid ? parent : leader;
  return found && found.pid > 1 ? { pid: found.pid, startTime: found.startTime } : undefined;
}

/** Whether or not what runs in its line are the files at their paths. */
export function byPath({ ancestors, ...caller }: Caller): Caller {
  return { ...processByPath(caller), ancestors: ancestors.map(processByPath) };
}

function processByPath<P extends Process>({ exeDeleted: _, exeForeign: __, ...process }: P) {
  return process;
}

/** The same, with all that is called like a shell left out: the widest reading. */
export function withoutShells(caller: Caller): Caller {
  const shell = <P extends Process>(process: P): P =>
    isShell(process.exe) ? { ...process, systemShell: true } : process;
  const { ancestors, ...own } = byPath(caller);
  return { ...shell(own), ancestors: ancestors.map(shell) };
}

/** Whether its path leads to the file that runs, as the guard sees it. */
export function isAtItsPath({ exeDeleted, exeForeign }: Process): boolean {
  return !exeDeleted && !exeForeign;
}

/**
 * The line of programs, the one that asks first. One that started itself counts once: `git pull` starts `git
 * fetch`.
 */
export function lineOf(processes: readonly Process[], named = programOf): string[] {
  const programs = processes.filter((process) => !isPlainShell(process)).map(named);
  return programs.filter((program, at) => program !== programs[at - 1]);
}

/** The processes that a rule's `programs` is about: in a run, those below what holds it. */
export function ownLine(caller: Caller): Process[] {
  const line: Process[] = [caller, ...caller.ancestors];
  const holder = line.findIndex(({ pid }) => pid === caller.run?.pid);
  return holder < 0 ? line : line.slice(0, holder);
}

/**
 * What a denial stands against: the same, and a login with any other key, which ssh offers next; of git, the
 * same for any repository, which is claimed. Where an
 * approval is never remembered, what is alike. To be denied for more than was meant does no harm.
 *
 * @param run the run that the request came from
 */
export function denialCoverage(request: Request, caller: Caller, run: string | undefined): string {
  const { kind, data, destination } = request;
  const denied = kind === "sign" && data === "userauth" ? withoutKey(request) : withoutClaims(request);
  const alike = [
    kind,
    data,
    denied.key?.fingerprint,
    destination && placeOf(destination),
    destination?.claimed,
  ];
  const covered = coverage(denied, byPath(caller), run, "session");
  return covered ?? JSON.stringify(["alike", alike, whoAsks(caller, run)]);
}

function withoutKey({ key: _, ...request }: Request): Request {
  return request;
}

/** Whoever is denied could claim another branch each time. */
function withoutClaims({ repository: _, branch: __, ...request }: Request): Request {
  return request;
}

/** A forwarded request without a path came through hosts that nobody can name. */
function isProven(path: Request["path"]): boolean {
  return path.length > 0 && path.every(({ hostKey }) => hostKey !== undefined);
}

const shells = /\/(?:ba|da|z|k|fi|c|tc)?sh$/;
const interpreters = /\/(?:python|perl|ruby|node|nodejs|bun|deno|php|lua|java|tclsh|expect)[\d.]*$/;
/**
 * Of an interpreter: the options whose value is the next word. Its program text (`-e`, python's `-c`) stays
 * what it is told by.
 */
const takingNext: readonly [interpreter: RegExp, options: RegExp][] = [
  [/\/bash$/, /^-(?:[a-z]*o|O)$/],
  [shells, /^-[a-z]*o$/],
  [
    /\/node(?:js)?[\d.]*$/,
    /^(?:-[rC]|--(?:require|import|loader|experimental-loader|conditions|env-file(?:-if-exists)?|title))$/,
  ],
  [/\/python[\d.]*$/, /^-[a-zA-Z]*[WX]$/],
  [/\/java$/, /^(?:-p|-cp|-classpath|--(?:class-path|module-path|add-modules))$/],
  [/\/perl[\d.]*$/, /^-I$/],
  [/\/ruby[\d.]*$/, /^-[rICE]$/],
];

/**
 * A shell of the system's, at its prompt or with `-c`. It is left out of the line of programs: bash replaces
 * itself with the last command of `bash -c "ssh a; ssh b"`, and the second would otherwise be another program
 * than the first. Anybody can call a file `sh`, so others count.
 */
export function isPlainShell(process: Process): boolean {
  const { exe, systemShell } = process;
  return systemShell === true && isAtItsPath(process) && isShell(exe) && scriptOf(process) === undefined;
}

/** Whether a file is called like one. */
export function isShell(exe: string | undefined): boolean {
  return exe !== undefined && shells.test(exe);
}

/**
 * What a process is, for comparing: its executable, and for an interpreter the script too. The script is the
 * caller's claim, but a claim that can only narrow what the executable alone would cover. What runs may be
 * another file than the one at its path.
 */
export function programOf(process: Process): string {
  const { exe, exeDeleted, exeForeign, name } = process;
  if (exe === undefined) return `(${name})`;
  const file = exeForeign ? `${exe} (claimed)` : exeDeleted ? `${exe} (deleted)` : exe;
  const script = claimedScript(process);
  return script === undefined ? file : `${file} ${script}`;
}

/** A path that a process could choose is not enough: the file as well. */
function programAndFile(process: Process): string {
  return isAtItsPath(process) ? programOf(process) : `${programOf(process)} ${process.exeFile}`;
}

/** What an interpreter says that it runs. */
export function claimedScript(process: Process): string | undefined {
  return isInterpreter(process) ? scriptOf(process) : undefined;
}

/**
 * Whether its name in a line of programs says what it runs: an interpreter on its own runs anything, and a
 * relative path leads to any folder.
 */
export function isPinned(process: Process): boolean {
  if (process.exe === undefined || isPlainShell(process) || !isInterpreter(process)) return true;
  return scriptOf(process)?.startsWith("/") ?? false;
}

export function isInterpreter({ exe }: Process): boolean {
  return exe !== undefined && (shells.test(exe) || interpreters.test(exe));
}

/**
 * The first argument that is neither an option nor the value of one; none where a shell's program text is an
 * argument itself.
 */
function scriptOf({ exe = "", cmdline }: Process): string | undefined {
  const isShell = shells.test(exe);
  const [, takesNext] = takingNext.find(([name]) => name.test(exe)) ?? [];
  for (let at = 1; at < cmdline.length; at++) {
    const word = cmdline[at] ?? "";
    if (word === "--") return cmdline[at + 1];
    if (!word.startsWith("-")) return word;
    if (isShell && /^-[a-z]*c/.test(word)) return undefined;
    if (takesNext?.test(word)) at++;
  }
  return undefined;
}
