/**
 * Asks with a notification on the desktop, a button for each answer. One that is dismissed is no answer:
 * somebody else may still give it, or `muxguard approve`. Nor is a click on the text, and what is pressed in
 * the first second does not count: the button may have come up under the cursor. "Always" is a button once
 * its rule is offered, and stands above it.
 */
import { randomBytes } from "node:crypto";
import { answersTo } from "../../policy/describe/answer.ts";
import { describeBriefly } from "../../policy/describe/brief.ts";
import { describeOffer } from "../../policy/describe/offer.ts";
import type { Desktop, Notification, ShownNotification } from "../../policy/desktop.ts";
import { type Answer, DEAF_FOR, type Question } from "../../policy/question.ts";
import type { Approver } from "../approver.ts";
import { isAlways } from "../screen/always.ts";
import { fewRows, moreElsewhere } from "../screen/brief.ts";
import { wrap } from "../screen/text.ts";

/**
 * How long a text stays at least: with a new one the buttons may be elsewhere, and are deaf again. In times
 * for which they are deaf.
 */
const STAYS_FOR = 3;

/** Servers break lines as they like; those that are as wide as this one's screenshots don't have to. */
const COLUMNS = 80;

/** @param deafFor how long a button does not count, in milliseconds */
export function createNotificationApprover(desktop: Desktop, deafFor = DEAF_FOR): Approver {
  const open = new Map<Question, Prompt>();
  return {
    kind: "notification",
    warmUp: () => desktop.warmUp(),
    unavailable: () => desktop.unavailable(),
    async ask(question, signal) {
      const prompt = new Prompt(desktop, question, deafFor);
      open.set(question, prompt);
      try {
        return await prompt.ask(signal);
      } finally {
        open.delete(question);
        prompt.end();
      }
    },
    changed: (question) => open.get(question)?.changed(),
  };
}

interface Button {
  key: string;
  label: string;
  answer: Answer;
}

class Prompt {
  readonly #desktop: Desktop;
  readonly #question: Question;
  readonly #deafFor: number;
  /**
   * A program that puts another text in the place of ours must not know the key of a button: a press of its
   * own button is no answer.
   */
  readonly #buttons: readonly Button[];
  #shown: ShownNotification | undefined;
  /** Since when buttons are where they are. */
  #since = Number.POSITIVE_INFINITY;
  /** Something was pressed too early. */
  #wasEarly = false;
  #ended = false;
  #timer: NodeJS.Timeout | undefined;
  #answer: (answer: Answer) => void = () => {};
  #fail: (error: Error) => void = () => {};

  constructor(desktop: Desktop, question: Question, deafFor: number) {
    this.#desktop = desktop;
    this.#question = question;
    this.#deafFor = deafFor;
    this.#buttons = answersTo(question).map(({ name, value }) => ({
      key: randomBytes(8).toString("hex"),
      label: name,
      answer: value,
    }));
  }

  ask(signal: AbortSignal): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#answer = resolve;
      this.#fail = reject;
      if (signal.aborted) throw new Error("withdrawn");
      signal.addEventListener("abort", () => reject(new Error("withdrawn")), { once: true });
      this.#show().catch(reject);
    });
  }

  /** The text is another one by now. */
  changed(): void {
    if (this.#timer) return;
    const most = STAYS_FOR * this.#deafFor;
    const stays = this.#since + most - performance.now();
    const replace = (): void => {
      this.#timer = undefined;
      this.#replace().catch(this.#fail);
    };
    // while it is not there yet, it will come with the new text, or change once it is
    this.#timer = setTimeout(replace, Math.min(Math.max(stays, 0), most));
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#shown?.close();
  }

  async #show(): Promise<void> {
    this.#since = Number.POSITIVE_INFINITY;
    const shown = await this.#desktop.show(this.#content(), {
      pressed: (key) => this.#press(key),
      closed: () => this.#closed(),
      lost: (reason) => this.#fail(new Error(reason)),
    });
    if (this.#ended) return shown.close();
    this.#shown = shown;
    this.#since = performance.now();
  }

  async #replace(): Promise<void> {
    const shown = this.#shown;
    if (!shown) return; // dismissed
    this.#since = Number.POSITIVE_INFINITY;
    await shown.replace(this.#content());
    this.#since = performance.now();
    if (this.#ended || this.#shown !== shown) shown.close(); // as it was meanwhile
  }

  #press(key: string): void {
    const button = this.#buttons.find((candidate) => candidate.key === key);
    if (!button) return;
    if (performance.now() - this.#since > this.#deafFor) this.#answer(button.answer);
    else this.#wasEarly = true;
  }

  /** Servers close what was pressed, even if asked not to: that was no answer, so it comes again. */
  #closed(): void {
    this.#shown = undefined;
    if (!this.#wasEarly || this.#ended) return;
    this.#wasEarly = false;
    this.#show().catch(this.#fail);
  }

  #content(): Notification {
    const [title = "", ...lines] = describeBriefly(this.#question);
    const shown = fewRows(lines, COLUMNS);
    const offered = this.#buttons.filter(({ answer }) => !isAlways(answer) || hasRule(shown, this.#question));
    const buttons = offered.map(({ key, label }) => ({ key, label }));
    const foot = [`muxguard ${this.#question.id}`, ...moreElsewhere(this.#question)].join("; ");
    return { title, text: [...shown, foot].join("\n"), buttons };
  }
}

/** A button writes its rule at once: there is none for a rule that nobody could read before. */
function hasRule(shown: readonly string[], question: Question): boolean {
  const rows = describeOffer(question, Number.POSITIVE_INFINITY).flatMap((line) => wrap(line, COLUMNS));
  return rows.length > 0 && rows.every((row) => shown.includes(row));
}
