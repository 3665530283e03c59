/**
 * Asks those who look at the fleet, wherever they are. Nothing of what comes back is believed before its signature
 * is verified; what does not count is told of in the log.
 *
 * Anybody at the bus can send anything in any number. So what comes is looked at cheaply first, signatures are
 * verified in a line that has an end, and few refusals have an entry of their own.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Approver } from "../../approver/approver.ts";
import { messageOf } from "../../errors.ts";
import type { Remember } from "../../policy/grants.ts";
import type { Answer, Question } from "../../policy/question.ts";
import { decidesInFleet } from "../../policy/request.ts";
import { visible } from "../../policy/visible.ts";
import type { FleetConfig } from "../../settings/fleet/config.ts";
import type { Bus } from "../bus/bus.ts";
import { personOf, type VerifyOptions } from "../signed/keygen.ts";
import { answersTo, HELLO, questionsOf } from "../subjects.ts";
import { type Counted, checkMatter, count, type Matter } from "./count.ts";
import { Line } from "./line.ts";
import {
  digestOf,
  MAX_MESSAGE,
  parseBallot,
  parseVote,
  type Said,
  type ToPeople,
  type Vote,
} from "./messages.ts";

/** Signatures that wait to be verified, of all questions and of one. */
const [MAX_WAITING, MAX_OF_ONE] = [32, 8];
/** Ends that are remembered, to say of an answer that it is late. */
const MAX_ENDED = 256;
/** How often all questions are said again at most, in milliseconds: somebody begins to look. */
const SAID_AGAIN = 500;
/** How long the first connection may take before it is told of as none, in milliseconds. */
const FIRST_TRY = 1000;

export interface FleetApproverParts {
  config: Pick<FleetConfig, "machine" | "signers" | "self">;
  bus: Bus;
  /** Whether nothing counts that is signed on this machine, or with the key of this fingerprint. */
  isRevoked(what: "machine" | "key", name: string): boolean;
  /** Tells of an answer that does not count. */
  refused(reason: string): void;
  verifying: Pick<VerifyOptions, "folder" | "environment">;
}

interface Yes {
  vote: Vote;
  counted: Counted;
  /** Who that is, whatever the name and the key. */
  person: string;
}

interface Open extends Matter {
  said: string;
  /** When nobody may answer any more, by a clock that nobody sets. */
  until: number;
  waiting: number;
  /** How many persons have to say yes, and of which lists each has to be. */
  wanted: number;
  signers: readonly (readonly string[])[];
  /** Those who have. */
  yes: Yes[];
  /** Their names, to be shown where it is asked. */
  told(yes: readonly string[]): void;
  answered(answer: Answer): void;
}

export class FleetApprover implements Approver {
  readonly kind = "fleet";
  /** Of this guard, since its start. */
  readonly #guard = randomBytes(8).toString("hex");
  readonly #parts: FleetApproverParts;
  readonly #open = new Map<string, Open>();
  /** Ids of questions, the newest last. */
  readonly #ended = new Set<string>();
  readonly #line = new Line(MAX_WAITING, 2);
  #again: NodeJS.Timeout | undefined;

  constructor(parts: FleetApproverParts) {
    this.#parts = parts;
    const { bus, config } = parts;
    bus.hear(answersTo(config.machine, this.#guard), (data) => this.#heard(data));
    bus.hear(HELLO, () => this.sayAgain());
  }

  unavailable(question?: Question): string | undefined {
    const { fault } = this.#parts.bus;
    if (fault !== undefined) return `the fleet's bus: ${fault}`;
    // else one would have to answer in order to answer
    return question && decidesInFleet(question.request)
      ? "signatures of answers are asked about where they are made"
      : undefined;
  }

  /** Of a bus that was just begun with, the first outcome is waited for. */
  async reaches(): Promise<string | undefined> {
    const isOver = new AbortController();
    const { signal } = isOver;
    await Promise.race([this.#parts.bus.tried, sleep(FIRST_TRY, undefined, { signal }).catch(() => {})]);
    isOver.abort();
    return this.unavailable();
  }

  ask(question: Question, signal: AbortSignal): Promise<Answer> {
    const { config } = this.#parts;
    const { id, timeout, persons } = question;
    const nonce = randomBytes(16).toString("hex");
    const expires = new Date(Date.now() + timeout).toISOString();
    const place = { machine: config.machine, guard: this.#guard };
    const said = JSON.stringify({ ...place, nonce, expires, question } satisfies Said);
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const open: Open = {
        ...{ ...place, id, nonce, expires, said, waiting: 0 },
        digest: digestOf(said),
        until: performance.now() + timeout,
        wanted: persons?.wanted ?? 1,
        signers: persons?.signers ?? [],
        yes: [],
        told: (yes) => void persons?.yes.splice(0, Number.POSITIVE_INFINITY, ...yes),
        answered: (answer) => {
          this.#end(id);
          resolve(answer);
        },
      };
      this.#open.set(id, open);
      if (!this.#say(open)) {
        this.#open.delete(id);
        return reject(new Error("the question did not get onto the bus"));
      }
      const withdrawn = (): void => {
        this.#end(id);
        this.#publish({ type: "end", id, reason: visible(messageOf(signal.reason), 200) });
        reject(signal.reason);
      };
      signal.addEventListener("abort", withdrawn, { once: true });
    });
  }

  /** Somebody began to look, or the bus is there again. Not more often than that is of use. */
  sayAgain(): void {
    this.#again ??= setTimeout(() => {
      this.#again = undefined;
      for (const open of this.#open.values()) this.#say(open);
    }, SAID_AGAIN).unref();
  }

  #end(id: string): void {
    if (!this.#open.delete(id)) return;
    this.#ended.add(id);
    const [oldest] = this.#ended;
    if (this.#ended.size > MAX_ENDED && oldest !== undefined) this.#ended.delete(oldest);
  }

  #say({ said, until, yes }: Open): boolean {
    const left = Math.max(0, Math.round(until - performance.now()));
    return this.#publish({ type: "question", left, said, votes: yes.map(({ vote }) => vote) });
  }

  #publish(message: ToPeople): boolean {
    const text = JSON.stringify(message);
    if (Buffer.byteLength(text) > MAX_MESSAGE) return false;
    return this.#parts.bus.publish(questionsOf(this.#parts.config.machine, this.#guard), text);
  }

  #heard(data: Uint8Array): void {
    const vote = parseVote(data);
    const ballot = vote && parseBallot(vote.signed);
    if (!vote || !ballot) {
      this.#refuse("what came is none");
      return;
    }
    const { id, by, from } = ballot;
    const open = this.#open.get(id);
    try {
      if (!open)
        throw new Error(this.#ended.has(id) ? "it came after the end of the question" : "nobody asked it");
      checkMatter(ballot, open);
      const { config } = this.#parts;
      if (from === config.machine && !mayAnswerHere(config, by))
        throw new Error(`${visible(by, 64)} answers on the machine that asks (self in config.toml)`);
      this.#checkMachine(from);
      if (open.waiting >= MAX_OF_ONE || !this.#line.add(() => this.#count(vote, open)))
        throw new Error("more came than can be looked at");
      open.waiting++;
    } catch (error) {
      this.#refuse(messageOf(error), id);
    }
  }

  /** @throws Error for one that is revoked */
  #checkMachine(name: string): void {
    if (this.#parts.isRevoked("machine", name))
      throw new Error(`it is signed on ${visible(name, 64)}, which is revoked`);
  }

  async #count(vote: Vote, open: Open): Promise<void> {
    const { config, verifying } = this.#parts;
    try {
      const options = { ...verifying, signers: config.signers, at: new Date() };
      const counted = await count(vote, open, open.signers, options);
      // of one alone nothing else is compared
      const person = open.wanted > 1 ? await personOf(vote.signature, options) : counted.by;
      if (this.#open.get(open.id) !== open) throw new Error("it came after the end of the question");
      this.#counted({ vote, counted, person }, open);
    } catch (error) {
      this.#refuse(messageOf(error), open.id);
    } finally {
      open.waiting--;
    }
  }

  /** @throws Error for one who has answered already, and a key that is revoked */
  #counted(yes: Yes, open: Open): void {
    const { person, counted } = yes;
    const { answer, by, key } = counted;
    if (this.#parts.isRevoked("key", key)) throw new Error(`it is signed with ${key}, which is revoked`);
    // it was looked at before the signature was, too, which took its time
    this.#checkMachine(counted.from);
    open.yes = open.yes.filter((one) => this.#stillCounts(one.counted, open.id));
    // one no ends it, and each host is then asked about with as many persons
    if (answer.decision !== "allow") {
      open.answered(answerOf([counted]));
      return;
    }
    const isSame = (one: Yes): boolean =>
      one.person === person || one.counted.by === by || one.counted.key === key;
    if (open.yes.some(isSame))
      throw new Error(`${visible(person, 64)} has said yes already, by this name or key or another`);
    open.yes.push(yes);
    if (open.yes.length >= open.wanted) {
      open.answered(answerOf(open.yes.map((one) => one.counted)));
    } else {
      open.told(open.yes.map((one) => one.counted.by));
      this.#say(open);
    }
  }

  /** Whether neither the key nor the machine was revoked since it said yes. */
  #stillCounts({ by, key, from }: Counted, id: string): boolean {
    const means = [["key", key] as const, ["machine", from] as const];
    const [, revoked] = means.find(([what, name]) => this.#parts.isRevoked(what, name)) ?? [];
    if (revoked === undefined) return true;
    this.#refuse(`${visible(by, 64)} had said yes with ${revoked}, which is revoked since`, id);
    return false;
  }

  #refuse(reason: string, id?: string): void {
    this.#parts.refused(`an answer of the fleet does not count: ${reason}${id ? ` (question ${id})` : ""}`);
    if (id !== undefined && this.#open.has(id)) this.#publish({ type: "refused", id, reason });
  }

  close(): void {
    clearTimeout(this.#again);
  }
}

function mayAnswerHere({ self }: Pick<FleetConfig, "self">, by: string): boolean {
  return typeof self === "boolean" ? self : self.includes(by);
}

/** In words of our own: what a person wrote comes from elsewhere. @param counted a no, or all who said yes */
function answerOf(counted: readonly Counted[]): Answer {
  const signers = counted.map(({ by, key }) => `${by} ${key}`);
  const [first] = counted;
  if (!first || first.answer.decision === "apart") return { decision: "apart" };
  if (first.answer.decision === "allow") return { decision: "allow", remember: shortest(counted), signers };
  const { note, remember } = first.answer;
  return {
    ...{ decision: "deny", reason: `${first.by} said no`, signers },
    ...(remember && { remember }),
    ...(note !== undefined && { note: visible(note, 500) }),
  };
}

/** Of several persons, that which each of them agreed to. */
function shortest(counted: readonly Counted[]): Remember {
  const [first, ...others] = counted.flatMap(({ answer }) =>
    answer.decision === "allow" ? [answer.remember] : [],
  );
  if (first === undefined || others.length === 0) return first ?? "once";
  const times = [first, ...others].map((one) => (typeof one === "object" ? one.milliseconds : 0));
  const least = Math.min(...times);
  return least === 0 ? "once" : { milliseconds: least };
}
