/** Asks in tmux: the question, and the answers below. */
import type { Approver } from "../approver.ts";
import { choose, sizeOf } from "../screen/choice-screen.ts";
import { findTmuxClient } from "./client.ts";
import { inPopup, type TmuxOptions, withoutTmux } from "./terminal.ts";

export function createTmuxApprover(options: TmuxOptions): Approver {
  return {
    kind: "tmux",
    warmUp: () =>
      findTmuxClient(options.environment, options).then(
        () => {},
        () => {},
      ),
    unavailable: () => withoutTmux(options),
    ask: (question, signal) =>
      inPopup(
        options,
        {
          sizeIn: (columns, { utf8 }) => sizeOf(question, columns, utf8),
          action: (terminal, { utf8 }) => choose(terminal, question, signal, utf8),
          comesAgain: true,
        },
        signal,
      ),
  };
}
