/**
 * Shows on the desktop what rules allowed that the user wants to hear of. Whether it is seen changes nothing:
 * no buttons, and no fault of it matters.
 */
import type { Decided } from "../audit/event.ts";
import { describeCaller } from "../policy/describe/caller.ts";
import { describeDecision } from "../policy/describe/decision.ts";
import { describeRequest } from "../policy/describe/request.ts";
import type { Desktop, Notification } from "../policy/desktop.ts";
import { matchPattern } from "../policy/match/pattern.ts";

/** No more than one in this time, in milliseconds; what came meanwhile is counted. */
const INTERVAL = 5000;

export interface NoticeOptions {
  /** Of the names of rules, as of now. */
  patterns: () => readonly string[];
  desktop: Pick<Desktop, "unavailable" | "show">;
  /** A monotonic clock, in milliseconds. */
  now: () => number;
}

export class Notices {
  readonly #options: NoticeOptions;
  #last = Number.NEGATIVE_INFINITY;
  #lastTold = Number.NEGATIVE_INFINITY;
  #untold = 0;

  constructor(options: NoticeOptions) {
    this.#options = options;
  }

  /** What is wrong with muxguard itself. */
  tell(text: string): void {
    const { desktop, now } = this.#options;
    // whoever can bring it about can do so often
    if (now() - this.#lastTold < INTERVAL || desktop.unavailable() !== undefined) return;
    this.#lastTold = now();
    desktop.show({ title: "muxguard: look at this", text, buttons: [] }).catch(() => {});
  }

  decided(decided: Decided): void {
    const { desktop, now } = this.#options;
    const patterns = this.#options.patterns();
    if (patterns.length === 0) return;
    const [kind, rule = ""] = decided.by.split(/:(.*)/s);
    if (decided.decision !== "allow" || kind !== "rule") return;
    if (!patterns.some((pattern) => matchPattern(rule, pattern))) return;
    if (now() - this.#last < INTERVAL || desktop.unavailable() !== undefined) {
      this.#untold++;
      return;
    }
    this.#last = now();
    const notice = noticeOf(decided, this.#untold);
    this.#untold = 0;
    desktop.show(notice).catch(() => {});
  }
}

function noticeOf({ request, caller, by }: Decided, untold: number): Notification {
  const lines = [describeRequest(request), ...(caller ? [`asked by: ${describeCaller(caller)}`] : [])];
  lines.push(`because: ${describeDecision(by)}`);
  if (untold > 0) lines.push(`and ${untold} more since the last notice (muxguard log)`);
  return { title: "muxguard: allowed", text: lines.join("\n"), buttons: [] };
}
