/**
 * The questions of a fleet, for one who may answer: as they came over the bus. Who forges one gets nothing by it: an
 * answer is signed over what is shown, and counts where exactly that was asked. A flood costs no more than there is
 * room for, and is told of.
 */
import { attempt } from "../../attempt.ts";
import { messageOf } from "../../errors.ts";
import { answersTo as answersToQuestion } from "../../policy/describe/answer.ts";
import { describeBriefly } from "../../policy/describe/brief.ts";
import { describeQuestion } from "../../policy/describe/question.ts";
import type { Answer, Question } from "../../policy/question.ts";
import { visible } from "../../policy/visible.ts";
import type { Bus } from "../bus/bus.ts";
import { ALL_QUESTIONS, answersTo, HELLO, questionsOf } from "../subjects.ts";
import type { Counted, Matter } from "./count.ts";
import { Line } from "./line.ts";
import {
  type Ballot,
  digestOf,
  MAX_PERSONS,
  parseSaid,
  parseToPeople,
  type Said,
  type ToPeople,
  type Vote,
} from "./messages.ts";

/** The most questions of one guard, and of all. */
const [MAX_OF_GUARD, MAX_OF_ALL] = [64, 256];
/** The longest that one may be open, in milliseconds. */
const LONGEST = 24 * 60 * 60_000;
/** Votes that wait to be looked at. */
const MAX_VOTES = 32;
/** For how long one that was answered is not shown, in milliseconds: its guard takes it back. */
const ANSWERED_FOR = 5000;
/** For how long one stays that has run out: its guard says why. */
const RUN_OUT_FOR = 1000;

export interface BoardParts {
  bus: Bus;
  /** As the allowed_signers file has it. */
  person: string;
  /** This machine. */
  machine: string;
  /** Undefined for what is no question. What is one may be shown. */
  parseQuestion(value: unknown): Question | undefined;
  /** Whether a yes of somebody counts, as here is known. @throws SignatureFault */
  count(vote: Vote, matter: Matter, lists: readonly (readonly string[])[]): Promise<Counted>;
  /** Whether this person is in each list. */
  mayAnswer(lists: readonly (readonly string[])[]): boolean;
  /** @returns the armored signature */
  sign(message: string): Promise<string>;
  /** Tells of what became of an answer. Safe for a screen. */
  notice(line: string): void;
}

interface Shown {
  subject: string;
  said: Said;
  digest: string;
  /** As it is shown. */
  question: Question;
  /** By a clock that nobody sets. */
  until: number;
  hiddenUntil: number;
  /** How many votes were looked at. */
  votes: number;
}

export class Board {
  readonly #parts: BoardParts;
  /** By machine, guard and id. */
  readonly #shown = new Map<string, Shown>();
  readonly #line = new Line(MAX_VOTES, 2);
  #leftOut = 0;

  constructor(parts: BoardParts) {
    this.#parts = parts;
    parts.bus.hear(ALL_QUESTIONS, (data, subject) => this.#heard(data, subject));
  }

  /** Asks all to say again what they ask. */
  hello(): void {
    this.#parts.bus.publish(HELLO, "");
  }

  /** Of other machines, which wait now. */
  list(now = performance.now()): Question[] {
    for (const [key, { until }] of this.#shown) if (until + RUN_OUT_FOR < now) this.#shown.delete(key);
    return [...this.#shown.values()].flatMap((one) => (one.hiddenUntil > now ? [] : [one.question]));
  }

  /** What to tell of questions that there is no room for. */
  get wrong(): string[] {
    const count = this.#leftOut;
    return count === 0
      ? []
      : [`${count} questions of the fleet are left out: more came than there is room for`];
  }

  /** @returns what to tell */
  async answer(shown: Question, answer: Answer): Promise<string> {
    const found = [...this.#shown.values()].find(({ question }) => question.id === shown.id);
    if (!found) return "that question is over";
    const { bus, person: by, machine: from } = this.#parts;
    const { machine, guard, nonce, expires, question } = found.said;
    const about = { machine, guard, id: question.id, nonce, digest: found.digest, expires };
    const signed = JSON.stringify({ v: 1, ...about, by, from, answer } satisfies Ballot);
    try {
      const signature = await this.#parts.sign(signed);
      if (!bus.publish(answersTo(machine, guard), JSON.stringify({ signed, signature })))
        return `it is not answered: the bus: ${bus.fault}`;
      await bus.flush();
      found.hiddenUntil = performance.now() + ANSWERED_FOR;
      return `signed, and sent to ${machine}`;
    } catch (error) {
      return `it is not answered: ${visible(messageOf(error))}`;
    }
  }

  #heard(data: Uint8Array, subject: string): void {
    const message = parseToPeople(data);
    if (message?.type === "question") this.#take(message, subject);
    else if (message) this.#told(message, subject);
  }

  #told({ type, id, reason }: Exclude<ToPeople, { type: "question" }>, subject: string): void {
    const shown = this.#shown.get(keyOf(subject, id));
    if (!shown) return;
    if (type === "end") this.#shown.delete(keyOf(subject, id));
    else shown.hiddenUntil = 0;
    this.#parts.notice(`${shown.said.machine}: question ${id}: ${visible(reason, 200)}`);
  }

  #take({ said: text, left, votes }: ToPeople & { type: "question" }, subject: string): void {
    const said = parseSaid(text);
    const question = said && attempt(() => showable(this.#parts.parseQuestion(said.question)));
    // the server lets each machine speak in its own name alone
    if (!said || !question || subject !== questionsOf(said.machine, said.guard)) return;
    if (said.machine === this.#parts.machine) return; // it is asked here
    if (!this.#parts.mayAnswer(question.persons?.signers ?? [])) return;
    const key = keyOf(subject, question.id);
    const known = this.#shown.get(key);
    if (!known && !this.#hasRoom(subject)) {
      this.#leftOut++;
      return;
    }
    const digest = digestOf(text);
    const until = performance.now() + Math.min(left, question.timeout);
    if (known?.digest === digest) {
      known.until = until;
      this.#countVotes(known, votes);
      return;
    }
    const asked = new Date(Date.now() + Math.min(left, question.timeout) - question.timeout).toISOString();
    // another text in its place is another question: keys don't count for it yet
    const id = known ? `${known.question.id}'` : `${said.machine}/${question.id}`;
    const shown: Shown = {
      ...{ subject, digest, until, hiddenUntil: 0, votes: 0 },
      said: { ...said, question },
      question: { ...question, asked, machine: said.machine, id },
    };
    // who said yes is said by their signatures alone
    if (shown.question.persons) shown.question.persons = { ...shown.question.persons, yes: [] };
    this.#shown.set(key, shown);
    this.#countVotes(shown, votes);
  }

  /** Those that are new: a bus that makes some up is not looked at for long. */
  #countVotes(shown: Shown, votes: readonly Vote[]): void {
    const { said, digest, question } = shown;
    const { persons } = question;
    if (!persons) return;
    const { machine, guard, nonce, expires } = said;
    const matter = { machine, guard, nonce, expires, digest, id: said.question.id };
    for (const vote of votes.slice(shown.votes, MAX_PERSONS)) {
      const work = async (): Promise<void> => {
        const { by, answer } = await this.#parts.count(vote, matter, persons.signers);
        if (answer.decision !== "allow" || persons.yes.includes(by)) return;
        persons.yes.push(by);
        if (by !== this.#parts.person) shown.hiddenUntil = 0;
      };
      if (this.#line.add(() => work().catch(() => {}))) shown.votes++; // one that does not count is not shown
    }
  }

  #hasRoom(subject: string): boolean {
    const all = [...this.#shown.values()];
    return all.length < MAX_OF_ALL && all.filter((one) => one.subject === subject).length < MAX_OF_GUARD;
  }
}

/** Undefined for one that could not be shown whatever its size; throws for one that can't be. */
function showable(question: Question | undefined): Question | undefined {
  if (!question || !(question.timeout > 0 && question.timeout <= LONGEST)) return undefined;
  for (const describe of [describeBriefly, describeQuestion, answersToQuestion]) describe(question);
  return question;
}

function keyOf(subject: string, id: string): string {
  return `${subject} ${id}`;
}
