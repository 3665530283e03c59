/** Asks in tmux: the question, and the answers below. */
import type { Approver } from "./approver.ts";
import { choose, sizeOf } from "./choose.ts";
import { inPopup, type TmuxOptions, withoutTmux } from "./tmux-terminal.ts";

export function createTmuxApprover(options: TmuxOptions): Approver {
  return {
    kind: "tmux",
    unavailable: () => withoutTmux(options),
    ask: (question, signal) =>
      inPopup(
        options,
        (columns) => sizeOf(question, columns),
        signal,
        (terminal) => choose(terminal, question, signal),
      ),
  };
}
