/** What the log says of before, for questions. They wait for it, but not for long. */
import { setTimeout as wait } from "node:timers/promises";
import type { Past } from "../../guard/decide/past.ts";
import { LoggedApprovals } from "./logged-approvals.ts";
import { Suggestions, type SuggestionsOptions } from "./suggestions.ts";

/** How long the first question, and the first one of each day, may wait, in milliseconds. */
const LIMIT = 300;

export interface PastOfLog extends Past {
  suggestions: Suggestions;
}

export function createPast(options: SuggestionsOptions): PastOfLog {
  const suggestions = new Suggestions(options);
  const approvals = new LoggedApprovals(options.paths.log);
  return {
    suggestions,
    ready: () => within(LIMIT, Promise.all([suggestions.ready(), approvals.ready()])),
    tip: () => suggestions.tip(),
    approvals: (key) => approvals.of(key),
  };
}

/** @param reading which never rejects */
async function within(milliseconds: number, reading: Promise<unknown>): Promise<void> {
  const done = new AbortController();
  const limit = wait(milliseconds, undefined, { signal: done.signal }).catch(() => {}); // it is known
  await Promise.race([reading, limit]);
  done.abort();
}
