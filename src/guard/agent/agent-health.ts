/**
 * What is known of one upstream agent, from all connections to it.
 *
 * One that took a request and did not answer is not waited for again and again: it is left out, and asked in
 * the background, on one connection at a time and ever more seldom, until it answers.
 */
import { messageOf } from "../../errors.ts";
import { LIST, list } from "./list-request.ts";
import { SingleUpstream } from "./single-upstream.ts";
import type { AgentAddress, Health } from "./upstream.ts";

/** How long it is waited for in the background, in milliseconds: each time twice as long, up to a minute. */
const [FIRST_WAIT, LONGEST_WAIT] = [5000, 60_000];

interface Found {
  fault: string | undefined;
  hangs: boolean;
}

export class AgentHealth implements Health {
  readonly #address: AgentAddress;
  readonly #changed: (fault: string | undefined) => void;
  #fault: string | undefined;
  #hangs = false;
  #asking: { close(): void } | undefined;
  #closed = false;

  /** @param changed called when a fault comes up, and when there is none any more */
  constructor(address: AgentAddress, changed: (fault: string | undefined) => void) {
    this.#address = address;
    this.#changed = changed;
  }

  get leftOut(): string | undefined {
    return this.#hangs ? this.#fault : undefined;
  }

  answered(): void {
    if (this.#fault === undefined) return;
    this.#fault = undefined;
    this.#hangs = false;
    this.#changed(undefined);
  }

  failed(fault: string, hangs: boolean): void {
    const isNew = this.#fault === undefined || hangs !== this.#hangs;
    this.#fault = fault;
    this.#hangs = hangs;
    if (isNew) this.#changed(fault);
    if (hangs && !this.#asking && !this.#closed) this.#askAgain(FIRST_WAIT);
  }

  /** Until it answers, or until to connect to it says by itself that it is gone. */
  #askAgain(wait: number): void {
    const asking = this.#ask(wait);
    this.#asking = asking;
    const ended = ({ fault, hangs }: Found): void => {
      this.#asking = undefined;
      if (this.#closed || !this.#hangs) return; // another connection was answered meanwhile
      if (hangs) this.#askAgain(Math.min(2 * wait, LONGEST_WAIT));
      else if (fault === undefined) this.answered();
      else this.failed(fault, false);
    };
    asking.found.then(ended, (error: unknown) => ended({ fault: messageOf(error), hangs: false }));
  }

  /**
   * Asks it now, and leaves what is known as it is where it only is slow.
   * @param wait in milliseconds
   * @returns what is wrong with it, in words without its name
   */
  async look(wait: number): Promise<string | undefined> {
    const { fault, hangs } = await this.#ask(wait).found;
    if (fault === undefined) this.answered();
    else if (!hangs) this.failed(fault, false);
    return fault;
  }

  /** Asks for its keys on a connection of its own. */
  #ask(wait: number): { found: Promise<Found>; close(): void } {
    const { name, connect } = this.#address;
    let found: Found = { fault: "does not answer as an agent does", hangs: false };
    const health: Health = {
      leftOut: undefined,
      answered: () => {
        found = { fault: undefined, hangs: false };
      },
      failed: (fault, hangs) => {
        found = { fault, hangs };
      },
    };
    const upstream = new SingleUpstream({ name, connect, health }, { answer: wait, person: wait });
    const ended = (): Found => {
      upstream.close();
      return found;
    };
    return { found: upstream.exchange(LIST, list).then(ended, ended), close: () => upstream.close() };
  }

  /** Asks it no more. */
  close(): void {
    this.#closed = true;
    this.#asking?.close();
  }
}
