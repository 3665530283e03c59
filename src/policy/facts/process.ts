/** Processes of which little is known, for whoever looks at a request that is not there. */
import { isInterpreter, isShell } from "../coverage.ts";
import type { Caller, Process } from "../request.ts";

/** What holds a run. */
export const HOLDER: Process = { pid: 1, startTime: "", name: "muxguard run", cmdline: [] };

/** Who asks, of whom nothing is known. */
export const NOBODY: Caller = {
  pid: 0,
  startTime: "",
  name: "",
  cmdline: [],
  session: "",
  ancestors: [],
  container: false,
};

/**
 * A shell that runs a script is taken for the system's: a rule may then match more of what was denied.
 * @param program as `programs` of a rule has it: an interpreter with its script
 * @param exe the file of it
 */
export function processNamed(program: string, exe: string): Process {
  const [, hidden] = /^\((.*)\)$/s.exec(exe) ?? [];
  if (hidden !== undefined) return { pid: 0, startTime: "", name: hidden, cmdline: [] };
  const script = program.slice(exe.length + 1);
  const runsScript = script !== "";
  return {
    pid: 0,
    startTime: "",
    exe,
    name: "",
    cmdline: [exe, ...(runsScript ? ["--", script] : [])],
    ...(runsScript && isShell(exe) && { systemShell: true }),
  };
}

/** The same where the file is not told apart: `/usr/bin/python3 /opt/deploy.py`. */
export function processOf(program: string): Process {
  const [exe = ""] = program.split(" ");
  return processNamed(program, isInterpreter({ ...HOLDER, exe }) ? exe : program);
}
