/**
 * What goes over the bus when a machine asks. All of it may be forged, altered, repeated or left out there: only what
 * is signed counts, and what is signed names all that it is about.
 *
 * A question is a text, `said`, and an answer is signed over its digest. So whoever answers has signed what stood on
 * the screen, for this machine, this guard, this question and no other.
 */
import { createHash } from "node:crypto";
import * as z from "zod/mini";
import type { Answer, Question } from "../../policy/question.ts";
import { answerSchema } from "../../rpc/schemas.ts";
import { parsed } from "../parsed.ts";

/** The longest message that is read, in bytes. The server takes none that is longer. */
export const MAX_MESSAGE = 64 * 1024;
/** The same of an answer. */
export const MAX_ANSWER = 32 * 1024;
/** The most persons that a rule may want. */
export const MAX_PERSONS = 8;

/** What is asked, as the machine says it. */
export interface Said {
  machine: string;
  /** Of which of its guards: each has another, made anew at its start. */
  guard: string;
  /** Of this question alone. */
  nonce: string;
  /** ISO 8601, by the machine's clock. */
  expires: string;
  question: Question;
}

/** To whom it may concern. */
export type ToPeople =
  | {
      type: "question";
      /** For how long it is open yet, in milliseconds: clocks of machines differ. */
      left: number;
      said: string;
      /** Of those who said yes, where more have to. */
      votes: Vote[];
    }
  | { type: "end"; id: string; reason: string }
  | { type: "refused"; id: string; reason: string };

/** An answer: what is signed, as it was signed, and the signature. */
export interface Vote {
  signed: string;
  signature: string;
}

/** What is signed, in `muxguard-approval`. */
export interface Ballot {
  v: 1;
  machine: string;
  guard: string;
  id: string;
  nonce: string;
  /** Of `said`. */
  digest: string;
  expires: string;
  /** Who signs. */
  by: string;
  /** The machine that it is signed on. */
  from: string;
  answer: Answer;
}

const name = z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/));
const hex = z.string().check(z.regex(/^[0-9a-f]{8,64}$/));
const id = z.string().check(z.regex(/^[a-z0-9]{1,32}$/));
const time = z.string().check(z.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/));
const text = z.string();

const vote = z.strictObject({ signed: text, signature: text });
const toPeople: z.ZodMiniType<ToPeople> = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("question"),
    left: z.int().check(z.nonnegative()),
    said: text,
    votes: z.array(vote).check(z.maxLength(MAX_PERSONS)),
  }),
  z.strictObject({ type: z.literal("end"), id, reason: text }),
  z.strictObject({ type: z.literal("refused"), id, reason: text }),
]);
const ballot: z.ZodMiniType<Ballot> = z.strictObject({
  v: z.literal(1),
  ...{ machine: name, guard: hex, id, nonce: hex, digest: hex, expires: time, by: text, from: name },
  answer: answerSchema,
});
const said = z.strictObject({ machine: name, guard: hex, nonce: hex, expires: time, question: z.unknown() });

export function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Undefined for what is none. */
export function parseVote(data: Uint8Array): Vote | undefined {
  return data.length > MAX_ANSWER ? undefined : parsed(vote, Buffer.from(data).toString("utf8"));
}

/** Undefined for what is none. */
export function parseBallot(signed: string): Ballot | undefined {
  return parsed(ballot, signed);
}

/** Undefined for what is none. */
export function parseToPeople(data: Uint8Array): ToPeople | undefined {
  return data.length > MAX_MESSAGE ? undefined : parsed(toPeople, Buffer.from(data).toString("utf8"));
}

/** Undefined for what is none. The question in it is anything yet. */
export function parseSaid(text: string): (Omit<Said, "question"> & { question?: unknown }) | undefined {
  return parsed(said, text);
}
