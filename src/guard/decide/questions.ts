/**
 * The open questions. Identical ones that are pending are one question; the first answer wins and withdraws
 * the others; who went away no longer waits, and a question that nobody waits for leaves the screen.
 *
 * Those that come together and differ in the host alone are one, too. The first is shown at once. What comes
 * while it is new gives one question about all of them, shown in its place; what comes later waits until it
 * is answered. So nothing changes under the eyes of somebody who reads.
 */
import { describeAnswer } from "../../policy/describe/answer.ts";
import { type Answer, DEAF_FOR, type Question } from "../../policy/question.ts";
import { askAll } from "./ask-all.ts";
import { type Asking, fault, type Outcome } from "./asking.ts";
import { type Member, OpenQuestion } from "./open-question.ts";

/** The most questions open at once. Beyond it a request is denied without asking. */
const MAX_OPEN = 64;

/**
 * The most of one run: what is inside may call its programs as it likes, and must not leave those outside
 * without an answer.
 */
const MAX_OF_RUN = MAX_OPEN / 2;

/** The longest that a timer of Node waits, in milliseconds: a longer one would fire at once. */
const MAX_TIMER = 2 ** 31 - 1;

export interface Limits {
  /**
   * How long after each question more of the same may come that belongs to it, in milliseconds; 0 keeps all
   * apart.
   */
  gatherFor: number;
  /** The most questions open at once for the same line of programs, as of now. */
  perProgram: () => number;
  /** How long a question is on a screen before a key or a button counts, in milliseconds. */
  deafFor: number;
  /** How long it is before who waits is told, in milliseconds. */
  tellAfter: number;
}

export class Questions {
  readonly #open = new Set<OpenQuestion>();
  readonly #members = new Map<string, Member>();
  readonly #onOpen: () => void;
  readonly #limits: Limits;
  readonly #now: () => number;
  #unsharedCount = 0;

  /**
   * @param onOpen called when a question comes up that somebody may want to see
   * @param now a monotonic clock, in milliseconds
   */
  constructor(
    onOpen: () => void = () => {},
    limits: Partial<Limits> = {},
    now: () => number = () => performance.now(),
  ) {
    this.#onOpen = onOpen;
    this.#limits = { gatherFor: 0, perProgram: () => MAX_OPEN, deafFor: DEAF_FOR, tellAfter: 0, ...limits };
    this.#now = now;
  }

  /** Asks, or joins the same question. @param gone aborted when the one who asks has gone away */
  async ask(asking: Asking, gone: AbortSignal): Promise<Outcome> {
    if (gone.aborted) return withdrawal(gone);
    const key = asking.covered ?? `unshared ${this.#unsharedCount++}`;
    const known = this.#members.get(key);
    const tooMany = known ? undefined : this.#tooMany(asking);
    if (tooMany !== undefined) return fault("busy", tooMany);
    const member = known ?? this.#join(key, asking);
    const { question } = member.asking;
    if (known) question.count++;
    member.open.refresh();
    const tell = (shown: Question): void => asking.waits?.(shown);
    member.open.wait(member, tell);
    let leave = (): void => {};
    const left = new Promise<Outcome>((resolve) => {
      leave = () => {
        if (--question.count === 0) this.#settle(member, withdrawal(gone));
        else member.open.refresh();
        resolve(withdrawal(gone));
      };
    });
    gone.addEventListener("abort", leave, { once: true });
    try {
      return await Promise.race([member.outcome, left]);
    } finally {
      gone.removeEventListener("abort", leave);
      member.tells.delete(tell);
    }
  }

  /** Denies all that are open. */
  withdraw(reason: string): void {
    // those that wait for the end of others are the later ones: not one is to be shown now
    for (const open of [...this.#open].reverse()) this.#settleAll(open, fault("locked", reason));
  }

  pending(): Question[] {
    return [...this.#open].map(({ question }) => question);
  }

  /**
   * Answers from outside, by `muxguard approve`. Returns false if there is no such question, or if it may not
   * be answered so.
   * @param id of a question, or of one of the hosts that it is about
   */
  answer(id: string, answer: Answer): boolean {
    const isOpen = ({ asking }: { asking: Asking }): boolean =>
      asking.question.id === id && asking.queue !== "closed";
    const open = [...this.#open].find(isOpen);
    const member = [...this.#members.values()].find(isOpen);
    if (open) this.#answered(open, answer, "queue");
    else if (member && answer.decision !== "apart") this.#settle(member, { answer, by: "approver:queue" });
    return open !== undefined || member !== undefined;
  }

  /** Why it can't be asked. */
  #tooMany({ who, alike, ...asking }: Asking): string | undefined {
    const { run } = asking.question.caller;
    const open = [...this.#open];
    if (open.some((one) => one.takes({ ...asking, alike }))) return undefined;
    const perProgram = this.#limits.perProgram();
    const own = open.filter(({ asking: other }) => who !== undefined && other.who === who).length;
    if (own >= perProgram)
      return `${perProgram} questions of this program are open already (muxguard pending)`;
    const ofRun = open.filter(({ question }) => run && question.caller.run?.pid === run.pid).length;
    if (ofRun >= MAX_OF_RUN) return `${MAX_OF_RUN} questions of this run are open already (muxguard pending)`;
    if (open.length < MAX_OPEN) return undefined;
    return `${MAX_OPEN} questions are open already; answer them first (muxguard pending)`;
  }

  #join(key: string, asking: Asking): Member {
    const all = [...this.#open];
    const found = all.find((one) => one.takes(asking));
    const ahead = all.find((one) => one.isShown && one.isAlike(asking));
    const open = found ?? new OpenQuestion(asking);
    let resolve: Member["resolve"] = () => {};
    const outcome = new Promise<Outcome>((settle) => {
      resolve = settle;
    });
    const member: Member = { key, asking, open, tells: new Set(), outcome, resolve };
    this.#members.set(key, member);
    open.add(member);
    if (!found) this.#start(open, this.#limits.gatherFor > 0 ? ahead : undefined);
    return member;
  }

  /** @param ahead the same at other hosts, which is on the screens */
  #start(open: OpenQuestion, ahead?: OpenQuestion): void {
    this.#open.add(open);
    this.#onOpen();
    if (ahead) this.#follow(open, ahead);
    else this.#show(open);
  }

  /** Takes the place of the one ahead while that is new, else waits for its end. */
  #follow(open: OpenQuestion, ahead: OpenQuestion): void {
    const replace = (): void => {
      if (!this.#isNew(ahead) || !open.takesAll(ahead)) return;
      open.takeOver(ahead);
      this.#end(ahead, "asked together with more of the same");
    };
    const timer = setTimeout(replace, this.#limits.gatherFor);
    const ended = (): void => {
      clearTimeout(timer);
      if (!open.isOver) this.#show(open);
    };
    ahead.withdrawn.signal.addEventListener("abort", ended, { once: true });
  }

  /** No key counts yet. */
  #isNew(open: OpenQuestion): boolean {
    return open.isNew(this.#now(), this.#limits.deafFor);
  }

  #show(open: OpenQuestion): void {
    const { question, alike } = open.asking;
    const { signal } = open.withdrawn;
    open.show(this.#now());
    const timedOut = (): void => this.#settleAll(open, fault("timeout", noAnswer(question)));
    later(Math.min(question.timeout, MAX_TIMER), signal, timedOut);
    const gathers = alike !== undefined && this.#limits.gatherFor > 0;
    const gathered = gathers ? (then: () => void) => this.#gathered(open, then) : undefined;
    askAll(open, gathered, {
      answered: (answer, kind) => this.#answered(open, answer, kind),
      settle: (outcome) => this.#settleAll(open, outcome),
    });
    const { tellAfter } = this.#limits;
    if (tellAfter > 0) later(tellAfter, signal, () => open.tell());
    else if (!open.isOver) open.tell();
  }

  /** Goes on once nothing more is about to take the question's place. */
  #gathered(open: OpenQuestion, then: () => void): void {
    later(this.#limits.gatherFor, open.withdrawn.signal, () => {
      const more = [...this.#open].some((other) => !other.isShown && other.isAlike(open.asking));
      if (more && this.#isNew(open)) this.#gathered(open, then);
      else then();
    });
  }

  #answered(open: OpenQuestion, answer: Answer, kind: string): void {
    // a late answer must not close the next question of the same kind
    if (open.isOver) return;
    if (answer.decision !== "apart") this.#settleAll(open, { answer, by: `approver:${kind}` });
    else if (open.question.hosts) this.#takeApart(open);
    else this.#settleAll(open, fault("approver", `${kind}: there is nothing to take apart`));
  }

  #takeApart(open: OpenQuestion): void {
    const { members } = open;
    this.#end(open, "each host is asked about on its own");
    for (const member of members) {
      const { alike: _, ...asking } = member.asking;
      const single = new OpenQuestion(asking);
      single.add(member);
      this.#start(single);
    }
  }

  #settleAll(open: OpenQuestion, outcome: Outcome): void {
    if (open.isOver) return;
    const { members } = open;
    this.#end(open, describeAnswer(outcome.answer, open.question));
    for (const member of members) this.#settle(member, outcome);
  }

  #settle(member: Member, outcome: Outcome): void {
    const { open } = member;
    this.#members.delete(member.key);
    open.remove(member);
    if (open.members.length === 0) this.#end(open, describeAnswer(outcome.answer, open.question));
    member.resolve(outcome);
  }

  #end(open: OpenQuestion, reason: string): void {
    this.#open.delete(open);
    open.withdrawn.abort(new Error(reason));
  }
}

/** @param signal aborted when it is no longer wanted */
function later(milliseconds: number, signal: AbortSignal, action: () => void): void {
  const timer = setTimeout(action, milliseconds);
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
}

/** Whoever went away says who that is: the client, or the connection that was asked about. */
function withdrawal({ reason }: AbortSignal): Outcome {
  const isSaid = reason instanceof Error && reason.name !== "AbortError";
  return fault("withdrawn", `${isSaid ? reason.message : "the client went away"} before the answer`);
}

function noAnswer(question: Question): string {
  return `no answer within ${question.timeout / 1000} seconds`;
}
