/** Asks in tmux: the question, and the answers below. */
import type { Approver } from "../approver.ts";
import { Choice } from "../screen/choice.ts";
import { ChoiceScreen, sizeOf } from "../screen/choice-screen.ts";
import { choose } from "../terminal/choose.ts";
import { findTmuxClient } from "./client.ts";
import { inPopup, type TmuxOptions, withoutClient, withoutTmux } from "./terminal.ts";

export function createTmuxApprover(options: TmuxOptions): Approver {
  return {
    kind: "tmux",
    warmUp: () =>
      findTmuxClient(options.environment, options).then(
        () => {},
        () => {},
      ),
    unavailable: (question) => withoutTmux(options, question?.caller),
    reaches: (caller) => withoutClient(options, caller),
    ask: (question, signal) =>
      inPopup(
        options,
        {
          sizeIn: (columns, { utf8 }) => sizeOf(question, columns, utf8),
          action(terminal, { utf8 }) {
            const choice = new Choice(question);
            const screen = new ChoiceScreen(choice, utf8);
            const ended = AbortSignal.any([signal, terminal.gone]);
            return choose(terminal, choice, { draw: (size, date) => screen.popup(size, date) }, ended);
          },
          caller: question.caller,
          comesAgain: true,
        },
        signal,
      ),
  };
}
