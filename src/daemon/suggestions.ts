/**
 * Once a day, a question says that rules would have answered many. It is looked for in the background, at the
 * end of the log, before a question may come: when the guard starts, and with the first question of each later
 * day. A fault is no matter: the question is asked all the same.
 */
import { constants } from "node:fs";
import { attempt } from "../attempt.ts";
import type { AuditEvent } from "../audit/event.ts";
import { loggedRequest } from "../audit/logged.ts";
import { readEnd } from "../platform/files/file-end.ts";
import { openRegular } from "../platform/files/regular-file.ts";
import { describeSuggested, suggest } from "../policy/suggest/suggest.ts";
import { notToldToday, wasToldToday } from "../runs/unguarded/told.ts";
import type { Config } from "../settings/config.ts";
import type { Paths } from "../settings/paths.ts";
import type { PolicySource } from "../settings/policy-files.ts";

/** In the file of what was told today. */
const ID = "suggest";
/** How much of the log is looked at, in bytes: a few hundred entries. */
const MOST = 256 * 1024;
/** Entries that are read at once: requests come in between. */
const AT_ONCE = 32;

export interface SuggestionsOptions {
  paths: Pick<Paths, "log" | "told">;
  config: Pick<Config, "suggest">;
}

export class Suggestions {
  readonly #options: SuggestionsOptions;
  #policy: PolicySource | undefined;
  #lookedOn = "";
  #found: string | undefined;

  constructor(options: SuggestionsOptions) {
    this.#options = options;
  }

  /** The user's own policy: rules are suggested beside it. */
  follow(policy: PolicySource): void {
    this.#policy = policy;
    this.#look();
  }

  /** What a question is to say; undefined where it was said today, or nothing would help. Never throws. */
  tip(): string | undefined {
    this.#look();
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
    this.#suggested(policy)
      .then((found) => {
        this.#found = found;
      })
      .catch(() => {}); // no log yet, or none that can be read: muxguard suggest says so
  }

  async #suggested(policy: PolicySource): Promise<string | undefined> {
    const { fd } = openRegular(this.#options.paths.log, constants.O_RDONLY);
    const lines = await readEnd(fd, MOST);
    const entries = [];
    for (const [at, line] of lines.entries()) {
      if (at % AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
      const entry = attempt(() => loggedRequest(JSON.parse(line) as AuditEvent));
      if (entry) entries.push(entry);
    }
    return describeSuggested(suggest(await policy.current(), entries));
  }
}
