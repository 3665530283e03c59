/** A question to a person, and the answer. */
import type { Doubt } from "./doubt.ts";
import type { DecidedBy, Persons } from "./evaluate.ts";
import type { Lasting, Remember } from "./grants.ts";
import type { Caller, Request } from "./request.ts";

/**
 * How long a question must have been on a screen before a key or a button counts, in milliseconds: it may
 * come up under what is meant for something else.
 */
export const DEAF_FOR = 1000;

export interface Question {
  /** The machine that asks, where it is another one. */
  machine?: string;
  /** What `muxguard approve ID` takes; also the id of the log entry. */
  id: string;
  request: Request;
  caller: Caller;
  /** Which rule said to ask, or the default. */
  because: DecidedBy;
  /** Why it is asked for, as the program says itself. Claimed, and matched by no rule. */
  why?: string;
  /** The rule that may be about this, where nobody can say so. */
  doubt?: Doubt;
  /** Of a fleet: who has to say yes, and who has. */
  persons?: Persons & { yes: string[] };
  /** How many identical requests wait for the answer. */
  count: number;
  /**
   * The hosts, where it is the same on several: `request` names one of them. Each has an id by which it can
   * be answered alone.
   */
  hosts?: { id: string; name: string }[];
  /** For how long an approval may hold: "once", which is always there, then what suits most. */
  choices: Remember[];
  /** What "while this lasts" is about, where that is offered. */
  lasts?: Lasting["lasts"];
  /**
   * The longest that an approval may be remembered, in milliseconds; absent for as long as the user likes.
   */
  longest?: number;
  /** What a plain yes means, for an approver that has no more than yes and no. */
  yes: Remember;
  /**
   * For how long "deny for a while" denies the same without asking, in milliseconds; absent where that is not
   * offered.
   */
  denyFor?: number;
  /** The rule that "always" writes, line by line, where that is offered. */
  rule?: string[];
  /** How often the same was approved before, where that is often enough to think of a rule. */
  approvals?: number;
  /** That rules would have answered many questions, once a day. Safe for a screen. */
  tip?: string;
  /** When it was asked, ISO 8601. */
  asked: string;
  /** After how many milliseconds no answer is a denial. */
  timeout: number;
}

export type Answer =
  | { decision: "allow"; remember: Remember; signers?: readonly string[] }
  /** Each of the hosts is to be asked about on its own. */
  | { decision: "apart" }
  /** With a time: the same is denied for so long without asking. The note is for the program's user. */
  | {
      decision: "deny";
      reason: string;
      remember?: { milliseconds: number } | undefined;
      note?: string | undefined;
      /** Who has signed it, each with the key's fingerprint. */
      signers?: readonly string[];
    };
