/**
 * Grants: remembered approvals. A grant covers what its question said and nothing more; it ends at a fixed time or with its run, and
 * using it does not lengthen it.
 */
import type { Caller, Process, Request } from "./request.ts";

/** How long an approval lasts: this request alone, for a time (in milliseconds), or until the run ends. */
export type Remember = "once" | "run" | { milliseconds: number };

interface Grant {
  id: string;
  /** On the clock that was handed in. */
  since: number;
  until: number;
  /** The run it ends with. */
  run: string | undefined;
}

export class Grants {
  readonly #grants = new Map<string, Grant>();
  readonly #now: () => number;

  /** @param now a monotonic clock, in milliseconds: setting the system's time must not lengthen a grant */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * The grant that covers this, if there is one.
   * @param longest what the rule allows by now, in milliseconds: an approval from before a rule was tightened ends with it
   */
  find(covered: string, longest = Number.POSITIVE_INFINITY): Grant | undefined {
    const grant = this.#grants.get(covered);
    if (!grant) return undefined;
    const now = this.#now();
    if (now < Math.min(grant.until, grant.since + longest)) return grant;
    this.#grants.delete(covered);
    return undefined;
  }

  /**
   * @param run the run that the request came from
   * @returns false if there was nothing to remember: an approval for once, or for a run outside of one
   */
  add(id: string, covered: string, remember: Remember, run: string | undefined): boolean {
    if (remember === "once" || (remember === "run" && run === undefined)) return false;
    this.#dropExpired();
    const since = this.#now();
    const until = remember === "run" ? Number.POSITIVE_INFINITY : since + remember.milliseconds;
    this.#grants.set(covered, { id, since, until, run });
    return true;
  }

  /** Drops what was granted to a run. */
  endRun(run: string): void {
    for (const [covered, grant] of this.#grants) if (grant.run === run) this.#grants.delete(covered);
  }

  /** Drops everything. */
  clear(): void {
    this.#grants.clear();
  }

  get size(): number {
    this.#dropExpired();
    return this.#grants.size;
  }

  #dropExpired(): void {
    const now = this.#now();
    for (const [covered, grant] of this.#grants) if (grant.until <= now) this.#grants.delete(covered);
  }
}

/**
 * What a grant for this request would cover, as text to compare: kind, host, user, key, command or forward with all that belongs to it, path of hops, and
 * who asks. Undefined for what is never remembered: data of unknown shape, and what came through hosts that nobody can name.
 *
 * @param run the run that the request came from: a grant does not outlive it, nor reach another one of the same name
 */
export function coverage(request: Request, caller: Caller, run: string | undefined): string | undefined {
  if (request.data === "opaque" || (request.forwarded && !isProven(request.path))) return undefined;
  const { kind, user, namespace, operation, provider, constraints, destination } = request;
  if (request.forwarded && destination && !destination.verified) return undefined;
  const host = destination && [
    destination.verified,
    destination.names[0],
    destination.port,
    destination.hostKey,
    destination.verified ? undefined : destination.claimed, // the question showed it
  ];
  const asked = [kind, host, user, request.data, request.key?.type, request.key?.fingerprint];
  const more = [namespace, operation, provider, constraints];
  const hops = request.path.map((hop) => hop.hostKey);
  const connection = [sessionPart(request), forwardPart(request)];
  return JSON.stringify([asked, more, connection, request.forwarded, hops, whoAsks(caller, run)]);
}

function sessionPart({ command, subsystem, tty, x11, forwardAgent, environment = [] }: Request): unknown[] {
  return [command, subsystem, tty, x11, forwardAgent, [...environment].sort()];
}

function forwardPart({ forward }: Request): unknown[] {
  return [forward?.kind, forward?.listen, forward?.connect];
}

/**
 * Who asks, as text to compare: the line of programs, the run or login session, and the container.
 *
 * @param run the run that the request came from
 */
export function whoAsks(caller: Caller, run: string | undefined): string {
  const programs = [caller, ...caller.ancestors].filter((process) => !isPlainShell(process)).map(programOf);
  return JSON.stringify([programs, run ?? "", caller.session, caller.container]);
}

/** A forwarded request without a path came through hosts that nobody can name. */
function isProven(path: Request["path"]): boolean {
  return path.length > 0 && path.every(({ hostKey }) => hostKey !== undefined);
}

const shells = /\/(?:ba|da|z|k|fi|c|tc)?sh$/;
const interpreters = /\/(?:python|perl|ruby|node|nodejs|bun|deno|php|lua|java|tclsh|expect)[\d.]*$/;

/**
 * A shell at its prompt or with `-c`. It is left out of the line of programs: bash replaces itself with the last command of `bash -c "ssh a; ssh b"`,
 * and the second would otherwise be another program than the first.
 */
function isPlainShell(process: Process): boolean {
  return process.exe !== undefined && shells.test(process.exe) && scriptOf(process) === undefined;
}

/**
 * What a process is, for comparing: its executable, and for an interpreter the script too. The script is the caller's claim, but
 * a claim that can only narrow what the executable alone would cover.
 */
export function programOf(process: Process): string {
  const { exe, name } = process;
  if (exe === undefined) return `(${name})`;
  const script = shells.test(exe) || interpreters.test(exe) ? scriptOf(process) : undefined;
  return script === undefined ? exe : `${exe} ${script}`;
}

/** The first argument that is no option; none where the program text is an argument itself. */
function scriptOf({ exe, cmdline }: Process): string | undefined {
  const isShell = exe !== undefined && shells.test(exe);
  for (const word of cmdline.slice(1)) {
    if (!word.startsWith("-")) return word;
    if (isShell && /^-[a-z]*c/.test(word)) return undefined;
  }
  return undefined;
}
