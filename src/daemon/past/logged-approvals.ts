/**
 * How often a person approved what a rule could, before this guard began: by the end of the log, which is read once,
 * for the first question. A guard that is a run's own has no other memory of it. The log is the user's own file: a
 * program of the user's that writes into it can have a rule offered earlier, and nothing allowed.
 */
import { approvalsIn } from "../../policy/suggest/approvals.ts";
import { readLogEnd } from "./log-end.ts";

export class LoggedApprovals {
  readonly #log: string;
  #reading: Promise<void> | undefined;
  #counts: ReadonlyMap<string, number> = new Map();

  constructor(log: string) {
    this.#log = log;
  }

  /** Resolves once they are known. Never rejects: without a log there are none. */
  ready(): Promise<void> {
    this.#reading ??= this.#read().catch(() => {});
    return this.#reading;
  }

  /** @param key of the rule that "always" would write */
  of(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  async #read(): Promise<void> {
    const now = Date.now(); // what is approved from here on, the guard counts itself
    const entries = await readLogEnd(this.#log, (line) => line.includes('"by":"approver:'));
    this.#counts = approvalsIn(entries.filter(({ time }) => time < now));
  }
}
