/** What is decided, who waits for it, and the words of both. */
import { describeDecision } from "../../policy/describe/decision.ts";
import { describeRequest } from "../../policy/describe/request.ts";
import type { DecidedBy } from "../../policy/evaluate.ts";
import type { Question } from "../../policy/question.ts";
import type { Caller, Request } from "../../policy/request.ts";

export interface Verdict {
  id: string;
  decision: "allow" | "deny";
  by: DecidedBy;
  /** For a denial: why, and what to do about it. */
  reason?: string;
  /** For a denial: what else is wrong, whatever the reason is. */
  note?: string;
}

/** Who waits for the verdict. */
export interface Asker {
  /** As identified when the request came; undefined if that failed. */
  caller: Caller | undefined;
  /** Whether the process is still there and still the same program. */
  isUnchanged(): boolean;
  /** Aborted when it went away. */
  gone: AbortSignal;
  /** Called when somebody else than the user of the asker's own terminal is asked. */
  waiting?(question: Question): void;
  /** Called when a person is about to be asked. */
  asking?(): void;
  /** The shared connection that it is about, if it is about one. */
  connection?: Connection;
  /** True if it is the process that logged in for the connection that it now wants to use. */
  isMaker?: boolean;
  /** The id of a decision that this is asked again about: it stands, unless a rule denies that. */
  follows?: string | undefined;
  /** The very login that a key is for, as text to compare: ssh offers the next key to the same one. */
  login?: string | undefined;
  /** True if it tells its user of a denial by itself. */
  tells?: boolean;
}

/** A connection that is shared: behind one master, whichever process that is by now. */
export interface Connection {
  /** As text to compare; no other connection ever has it. */
  id: string;
  isOver(): boolean;
}

/** Why a request is denied without asking the policy. */
export interface Fault {
  what: string;
  reason: string;
  /** Of the approval that it takes back, if there was one. */
  id?: string;
}

/** What is said while a person decides. */
export function waitingLine({ id, request }: Question): string {
  return `muxguard: waiting for approval: ${describeRequest(request)} (muxguard approve ${id})`;
}

/** The words of every denial: `muxguard: denied: log in to prod as root with key "work" (rule "no prod")`. */
export function denialLine(request: Request, { by, reason, note }: Verdict): string {
  const why = describeDecision(by, reason);
  return `muxguard: denied: ${describeRequest(request)} (${note === undefined ? why : `${why}; ${note}`})`;
}
