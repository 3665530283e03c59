/** A decision on its way to the log, and what is to be remembered of it once it is there. */
import { messageOf } from "../../errors.ts";
import { coversFor } from "../../policy/cover/covered.ts";
import type { Coverable } from "../../policy/cover/sessions.ts";
import { denialCoverage } from "../../policy/coverage.ts";
import { describeProgram } from "../../policy/describe/caller.ts";
import { describeRequest } from "../../policy/describe/request.ts";
import type { DecidedBy } from "../../policy/evaluate.ts";
import type { Granted, Grants, Life, Remember } from "../../policy/grants.ts";
import type { Asked } from "./asked.ts";
import type { Scope } from "./scope.ts";
import type { Verdict } from "./verdict.ts";

export type Decision = Omit<Verdict, "id"> & Remembered;

interface Remembered {
  /** Who has signed it. */
  signers?: readonly string[];
  /** For how long a person's answer is remembered. */
  remember?: Remember;
  /** Why it was asked for, as the program said. Claimed. */
  why?: string;
  /** For an approval: the rule of which could not be said whether it denies this. */
  doubt?: string;
  /** Does it, once the answer is in the log. */
  keep?: () => void | Promise<void>;
}

/**
 * For how long a person's no stands against the same request, in milliseconds: a program that tries again is
 * not asked about at once.
 */
const DENIED_FOR = 30_000;

/** Of one note, in characters. A line has less room. */
const MAX_NOTE = 500;
const MAX_NOTES = 256;

export function denial(by: DecidedBy, reason: string | undefined): Decision {
  return { decision: "deny", by, ...(reason !== undefined && { reason }) };
}

export function internalFault(error: unknown): Decision {
  return denial("fault:internal", messageOf(error));
}

/** What was said with a no, by its id. */
export class Notes {
  readonly #notes = new Map<string, string>();

  /** @returns what of it is kept */
  add(id: string, note: string | undefined): { said?: string } {
    if (!note) return {};
    const said = note.slice(0, MAX_NOTE);
    const [oldest] = this.#notes.keys();
    if (oldest !== undefined && this.#notes.size >= MAX_NOTES) this.#notes.delete(oldest);
    this.#notes.set(id, said);
    return { said };
  }

  of(id: string): { said?: string } {
    const said = this.#notes.get(id);
    return said === undefined ? {} : { said };
  }
}

/** @param remember for how long the person wants it to stand; undefined for a plain no */
export function rememberedDenial(
  asked: Asked,
  { run }: Scope,
  grants: Grants,
  remember?: { milliseconds: number },
): Remembered {
  const granted = grantedBy(asked, [denialCoverage(asked.request, asked.caller, run?.id)]);
  const milliseconds = Math.max(DENIED_FOR, remember?.milliseconds ?? 0);
  const keep = (): void => grants.deny(granted, milliseconds, { run: run?.id });
  return { ...(remember && { remember }), keep };
}

/**
 * @param remember within what the question offered
 * @param longest that "while this lasts" may be, in milliseconds
 */
export function rememberedApproval(
  asked: Asked,
  scope: Scope,
  grants: Grants,
  remember: Remember,
  longest: number,
): Remembered {
  const { covered, rule, lasting, sessionIsOver } = asked;
  if (covered === undefined) return { remember };
  if (remember === "always") return { remember, keep: () => rule && scope.approve?.(rule) };
  const life: Life = { run: scope.run?.id, lasting, longest, sessionIsOver };
  const granted = grantedBy(asked, coversFor(coverableOf(asked, scope), remember));
  return { remember, keep: () => void grants.allow(granted, remember, life) };
}

/** One that answered a doubt is no answer to another one. */
export function coverableOf(
  { request, caller, ruling, asker }: Pick<Asked, "request" | "caller" | "ruling" | "asker">,
  { run }: Scope,
): Coverable {
  const { by, doubt, persons } = ruling;
  const decided = doubt === undefined ? by : JSON.stringify([by, doubt.rule]);
  const own = { request, caller, run: run?.id, by: decided, connection: asker.connection?.id };
  return persons ? { ...own, persons: JSON.stringify(persons) } : own;
}

/** What is decided stands, whether or not it can be remembered. */
export async function keepAnswer({ keep }: Decision, scope: Scope): Promise<void> {
  try {
    await keep?.();
  } catch (error) {
    scope.report(`muxguard: this can't be remembered: ${messageOf(error)}`);
  }
}

function grantedBy({ id, request, caller }: Asked, covered: readonly string[]): Granted {
  return { id, covered, what: `${describeProgram(caller)}: ${describeRequest(request)}` };
}
