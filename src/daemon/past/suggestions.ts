/**
 * Once a day, a question says that rules would have answered many. It is looked for at the end of the log: when the
 * guard starts, before a question may come, and on each later day for its first question. A fault is no matter: the
 * question is asked all the same.
 */
import { describeSuggested, suggest } from "../../policy/suggest/suggest.ts";
import { notToldToday, wasToldToday } from "../../runs/unguarded/told.ts";
import type { Config } from "../../settings/config.ts";
import type { Paths } from "../../settings/paths.ts";
import type { PolicySource } from "../../settings/policy-files.ts";
import { readLogEnd } from "./log-end.ts";

/** In the file of what was told today. */
const ID = "suggest";

type CurrentPolicy = Pick<PolicySource, "current">;

export interface SuggestionsOptions {
  paths: Pick<Paths, "log" | "told">;
  config: Pick<Config, "suggest">;
}

export class Suggestions {
  readonly #options: SuggestionsOptions;
  #policy: CurrentPolicy | undefined;
  #lookedOn = "";
  #looking = Promise.resolve();
  #found: string | undefined;

  constructor(options: SuggestionsOptions) {
    this.#options = options;
  }

  /** The user's own policy, with what a fleet says: rules are suggested beside it. */
  follow(policy: CurrentPolicy): void {
    this.#policy = policy;
    this.#look();
  }

  /** Resolves once it was looked for today. Never rejects. */
  ready(): Promise<void> {
    this.#look();
    return this.#looking;
  }

  /** What a question is to say; undefined where it was said today, or nothing would help. Never throws. */
  tip(): string | undefined {
    const found = this.#found;
    this.#found = undefined;
    return found !== undefined && this.#isNews() ? found : undefined;
  }

  #isNews(): boolean {
    return notToldToday(this.#options.paths.told, [{ id: ID }]).length > 0;
  }

  #look(): void {
    const today = new Date().toDateString();
    const policy = this.#policy;
    if (!this.#options.config.suggest || !policy || this.#lookedOn === today) return;
    this.#lookedOn = today;
    if (wasToldToday(this.#options.paths.told, ID)) return;
    this.#looking = this.#suggested(policy)
      .then((found) => {
        this.#found = found;
      })
      .catch(() => {}); // no log yet, or none that can be read: muxguard suggest says so
  }

  async #suggested(policy: CurrentPolicy): Promise<string | undefined> {
    const entries = await readLogEnd(this.#options.paths.log);
    return describeSuggested(suggest(await policy.current(), entries));
  }
}
