/**
 * What an entry of the log says of a request and of who asked, for whoever looks at it again by the policy. What
 * is not in it, as the further names of a host, is not known.
 */
import { isShell, lineOf } from "../policy/coverage.ts";
import { HOLDER, NOBODY, processNamed } from "../policy/facts/process.ts";
import { typedLine } from "../policy/match/from-terminal.ts";
import { type Caller, type Process, type Request, requestKinds } from "../policy/request.ts";
import type { Logged } from "../policy/suggest/suggest.ts";
import type { AuditCaller, AuditEvent } from "./event.ts";

/** Undefined for what is no entry about a request. Throws for what nobody has written here. */
export function loggedRequest(event: AuditEvent): Logged | undefined {
  const { id, decision, by, kind, caller } = event;
  const time = Date.parse(event.time);
  if (Number.isNaN(time) || !requestKinds.includes(kind) || typeof by !== "string") return undefined;
  return { id, time, decision, by, request: requestOf(event), caller: caller && callerOf(caller) };
}

function requestOf(event: AuditEvent): Request {
  const {
    time: _,
    id: __,
    decision: ___,
    by,
    reason,
    signers,
    remember,
    caller,
    waitedMs,
    seq,
    prev,
    ...rest
  } = event;
  const { host, port, hostKey, verified, how = "", claimed, path = [], forwarded = false, ...asked } = rest;
  const destination = {
    verified: verified ?? false,
    names: host === undefined ? [] : [host],
    how,
    ...(port !== undefined && { port }),
    ...(hostKey !== undefined && { hostKey }),
    ...(claimed !== undefined && { claimed }),
  };
  const hops = path.map((name) => ({ names: [name] }));
  return { ...asked, ...(verified !== undefined && { destination }), path: hops, forwarded } as Request;
}

/** Undefined where the line of programs is not what a rule could name. */
function callerOf(logged: AuditCaller): Caller | undefined {
  const { programs, ancestors, exe, name = "", cmdline, session, container, scope, cwd, tty } = logged;
  if (!programs) return undefined;
  const below = alignedWith(programs, [exe ?? `(${name})`, ...ancestors]);
  const [own, ...line] = below ?? [];
  if (!own) return undefined;
  const above = ancestors.slice(line.length).map((text, at) => processAbove(text, at));
  const caller: Caller = {
    ...own,
    cmdline: own.exe !== undefined && own.cmdline.length > 1 ? own.cmdline : cmdline,
    session,
    container,
    ...(cwd !== undefined && { cwd }),
    ...(tty !== undefined && { tty }),
    ...(scope !== undefined && { run: { name: scope, pid: HOLDER.pid } }),
    ancestors: [...line, ...(scope === undefined ? [] : [HOLDER]), ...above],
  };
  return lineOf(typedLine(caller)).join("\n") === programs.join("\n") ? caller : undefined;
}

/** The processes of the line: those that it names, with their scripts, and the shells that it leaves out. */
function alignedWith(programs: readonly string[], texts: readonly string[]): Process[] | undefined {
  const processes: Process[] = [];
  let next = 0;
  for (const text of texts) {
    // one that started itself counts once; a shell behind a script is the one that started that
    const again = isShell(text) ? undefined : programs[next - 1];
    const named = [programs[next], again].find((one) => one !== undefined && says(one, text));
    if (named !== undefined) {
      processes.push(processNamed(named, text));
      if (named === programs[next]) next++;
    } else if (next === programs.length) break;
    else if (isShell(text)) processes.push(plainShell(text));
    else return undefined;
  }
  return next === programs.length ? processes : undefined;
}

function says(program: string, exe: string): boolean {
  return program === exe || program.startsWith(`${exe} `);
}

/** One that the line leaves out: between two programs it runs what the upper one wants. */
function plainShell(text: string): Process {
  return { ...processNamed(text, text), cmdline: [text, "-c"], systemShell: true };
}

/** Of what is above the line: it ended at the shell of a terminal, which was looked at then. */
function processAbove(text: string, at: number): Process {
  const shell = at === 0 && isShell(text) ? ({ systemShell: true, leadsTerminal: true } as const) : {};
  return { ...processNamed(text, text), ...shell, ofRoot: true };
}

/** Who asked, as far as the log says it: for those to whom a line of programs that is not proven is good enough. */
export function seenCaller(logged: AuditCaller | undefined): Caller {
  if (!logged) return NOBODY;
  const { exe, name = "", ancestors, cmdline, session, container, scope } = logged;
  const proven = callerOf(logged);
  if (proven) return proven;
  return {
    ...{ ...seenProcess(exe ?? `(${name})`), cmdline, session, container },
    ancestors: [...ancestors.map(seenProcess), ...(scope === undefined ? [] : [HOLDER])],
    ...(scope !== undefined && { run: { name: scope, pid: HOLDER.pid } }),
  };
}

/** As executableText() has it. */
function seenProcess(text: string): Process {
  const [, exe = text, what] = /^(.*) \((deleted|claimed)\)$/s.exec(text) ?? [];
  return {
    ...processNamed(exe, exe),
    ...(what === "deleted" && { exeDeleted: true }),
    ...(what === "claimed" && { exeForeign: true }),
  };
}
