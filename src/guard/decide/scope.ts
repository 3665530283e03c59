/** Where a request came in: the login session's own socket, or the socket of one `muxguard run`. */
import type { Approver } from "../../approver/approver.ts";
import type { Policy, Rule } from "../../policy/policy.ts";
import type { Caller } from "../../policy/request.ts";

export interface Scope {
  /** Absent outside of a run. */
  readonly run?: Run;
  /** The policy as its files are now. @throws Error if they can't be read */
  policy(): Policy | Promise<Policy>;
  /** What is wrong with the policy's files, and is said with each denial. */
  policyNote?(): string | undefined;
  /** Why nothing is decided here: each request is denied for this reason. Absent where the policy decides. */
  readonly refused?: string;
  /** In a ride: whether this caller has SSHSIG signatures alone. Its guard's own ssh logs in for it. */
  signsOnly?(caller: Caller): boolean;
  /** Writes a rule that an answer made; absent where no such rules are read. */
  approve?(rule: Rule): Promise<void>;
  readonly approvers: readonly Approver[];
  /** Its guard, and with it all that is remembered, ends with the run's command. */
  readonly endsWithCommand?: boolean;
  /**
   * Whether `muxguard approve` answers too. "holds": a question stays open for it alone, where no approver
   * can be reached, as under a daemon, where someone may look.
   */
  readonly queue: "closed" | "answers" | "holds";
  /** Tells the user, on the stderr of whoever started it. One line, without a newline. */
  report(line: string): void;
  /**
   * Tells the user of a process on that one's own terminal: where report() comes out elsewhere. Never rejects.
   * @returns whether it could
   */
  tellCaller?(caller: Caller, line: string): Promise<boolean>;
}

/** A socket that somebody came to. */
export interface SocketOf {
  kind: "agent" | "control" | "ride" | "askpass";
  /** Whose socket it is. */
  scope: Scope;
}

/** Which scope decides, or why none does. */
export type DecidedBy = { scope: Scope } | { refused: string };

/** The scope that decides; where none does, the socket's own, in which everything is denied for that reason. */
export function decidingScope(decided: DecidedBy, { scope }: SocketOf): Scope {
  return "scope" in decided ? decided.scope : { ...scope, refused: decided.refused };
}

/** By the caller as it was identified: what asks several times is the same object each time. */
const inRuns = new WeakMap<Caller, { run: Run; caller: Caller }>();

/** The caller as the scope's rules see it: in its run. */
export function callerIn({ run }: Scope, caller: Caller): Caller {
  if (!run) return caller;
  const known = inRuns.get(caller);
  if (known?.run === run) return known.caller;
  const { name, pid, confined } = run;
  const inside = { ...caller, run: { name, pid, ...(confined && { confined }) } };
  inRuns.set(caller, { run, caller: inside });
  return inside;
}

export interface Run {
  /** Its identity: no two runs share it. */
  id: string;
  /** The name that policies know it by (`--scope`). */
  name: string;
  /** The process that holds it: everything below is inside. */
  pid: number;
  /** Whether namespaces of its own hold it. */
  confined?: boolean;
  /** What it is for, as whoever started it says. Claimed. */
  why?: string;
}
