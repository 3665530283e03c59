/** What is decided, who waits for it, and the words of both. */
import { describeDecision } from "../../policy/describe/decision.ts";
import { describeRequest, onHosts } from "../../policy/describe/request.ts";
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
  /** For a person's no: what it says to the program's user. */
  said?: string;
}

/** Who waits for the verdict. */
export interface Asker {
  /** As identified when the request came; undefined if that failed. */
  caller: Caller | undefined;
  /** Why that failed, where it is not because the process has ended. */
  unidentified?: string | undefined;
  /** Whether the process is still there and still the same program. */
  isUnchanged(): boolean;
  /** Aborted when it went away. */
  gone: AbortSignal;
  /**
   * Called with a line to tell when somebody else than the user of the asker's own terminal is asked.
   * @param isTold whether it stands on that terminal already
   * @returns whether it was told
   */
  waiting?(line: string, isTold: boolean): boolean;
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
  /** True if its protocol has no words for a denial. */
  isMute?: boolean;
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

/**
 * What is said while a person decides: `muxguard: waiting for approval: log in to prod as root (muxguard approve
 * k3f9x2)`.
 * @param places where a person is asked, if commands can't answer
 */
export function waitingLine({ id, request, hosts }: Question, places?: readonly string[]): string {
  const asked = hosts ? onHosts(request, hosts.length) : request;
  const how = places ? `asked ${places.join(" and ")}` : `muxguard approve ${id}`;
  return `muxguard: waiting for approval: ${describeRequest(asked)} (${how})`;
}

/** The words of every denial: `muxguard: denied: log in to prod as root with key "work" (rule "no prod")`. */
export function denialLine(request: Request, { by, reason, note, said }: Verdict): string {
  const why = describeDecision(by, reason, said);
  return `muxguard: denied: ${describeRequest(request)} (${note === undefined ? why : `${why}; ${note}`})`;
}
