/**
 * Where a line of programs begins for a rule: outside of runs at the shell of a terminal, at which a person
 * types. What is above, the terminal and what that runs in, is another one tomorrow.
 *
 * Any program can make a terminal and type there, so a shell counts only where root alone decides what is
 * above it: a program that is known for terminals, and what started that. Where something else is in between,
 * the line goes up to the first process, as narrow as can be.
 */
import { isAtItsPath, isInterpreter, isPlainShell, isShell, ownLine } from "../coverage.ts";
import type { Caller, Process } from "../request.ts";

/** Programs that show a terminal to a person. They run what is typed there, and nothing by themselves. */
const terminals = new Set([
  ...["tmux", "screen", "zellij", "mosh-server", "sshd", "sshd-session", "login", "agetty"],
  ...["xterm", "rxvt", "urxvt", "kitty", "alacritty", "foot", "ghostty", "wezterm-gui", "st"],
  ...["gnome-terminal-server", "kgx", "ptyxis-agent", "konsole", "yakuake", "tilix", "terminology"],
  ...["xfce4-terminal", "mate-terminal", "lxterminal", "qterminal"],
]);

/** The processes that a rule names: those below the terminal's shell, else the whole line. */
export function typedLine(caller: Caller): Process[] {
  const line = ownLine(caller);
  const shell = caller.run ? -1 : line.findIndex(({ leadsTerminal }) => leadsTerminal);
  return shell > 0 && isTerminalsShell(line, shell) ? line.slice(0, shell) : line;
}

/**
 * The lines that a rule which allows may name. A script that a person starts at the shell does what could be
 * typed there: it may be left out. Which script it is, is its claim, and nothing is allowed for it.
 */
export function typedLines(caller: Caller): Process[][] {
  const [line, typed] = [ownLine(caller), typedLine(caller)];
  return typed.length === line.length ? [line] : [line, typed, withoutScripts(typed, isSystemShell)];
}

/** The same for a rule that denies or asks, whatever is above what is called like a shell. */
export function likeTypedLines(caller: Caller): Process[][] {
  const line = ownLine(caller);
  const shell = line.findIndex(({ exe, leadsTerminal }) => leadsTerminal && isShell(exe));
  const typed = shell > 0 ? line.slice(0, shell) : line;
  return [line, typed, withoutScripts(typed, ({ exe }) => isShell(exe))];
}

function isTerminalsShell(line: readonly Process[], at: number): boolean {
  const [shell, terminal, ...above] = line.slice(at);
  if (!shell || !terminal || !isPlainShell(shell) || !isPrompt(shell)) return false;
  return isTerminal(terminal, above[0]) && above.every((process, next) => isRoots(process, above[next + 1]));
}

/** `-c` is what somebody else wants. */
function isPrompt({ cmdline }: Process): boolean {
  return !cmdline.slice(1).some((word) => /^-[a-z]*c/.test(word));
}

function isTerminal(process: Process, parent: Process | undefined): boolean {
  const { exe } = process;
  return (
    isRoots(process, parent) && (exe === undefined || terminals.has(exe.slice(exe.lastIndexOf("/") + 1)))
  );
}

/**
 * Whether root alone decides what it is. sshd serves a session under the user's id, and hides its executable:
 * so can any program, but none can be started by one of root's.
 */
function isRoots(process: Process, parent: Process | undefined): boolean {
  if (process.pid === 1) return true; // it started everything, and says nothing
  if (process.exe !== undefined)
    return isPlainShell(process) || (process.ofRoot === true && !isInterpreter(process));
  return process.ofRoot === true || (parent !== undefined && isSshd(parent));
}

/** What root's process calls itself is true. */
function isSshd({ exe, ofRoot, name }: Process): boolean {
  return exe === undefined && ofRoot === true && name.startsWith("sshd");
}

function withoutScripts(line: readonly Process[], isScript: (process: Process) => boolean): Process[] {
  return line.slice(0, line.findLastIndex((process) => !isScript(process)) + 1);
}

function isSystemShell(process: Process): boolean {
  return process.systemShell === true && isAtItsPath(process) && isShell(process.exe);
}
