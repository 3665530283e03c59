/** The terminal of this process as an approver. */
import type { Approver } from "../../approver/approver.ts";
import { createTurns, inTurn, promptInTurn } from "../../approver/in-turn.ts";
import type { Prompter } from "../../approver/prompter.ts";
import { createTerminalApprover } from "../../approver/terminal/approver.ts";
import type { TakeScreen } from "../../approver/terminal/open-terminal.ts";
import { createTerminalPrompter } from "../../approver/terminal/prompter.ts";
import { mayTakeForeground, takeForeground } from "../../platform/proc/foreground.ts";

/** There is one terminal: a password must not be typed into a question. */
const turns = createTurns();
const terminal = { path: "/dev/tty", mayTakeForeground, takeForeground };

/** How a question comes to the terminal, where a command runs on it. */
export interface TerminalUse {
  /** Ctrl-C at a prompt. */
  interrupted: () => void;
  takeScreen?: TakeScreen;
}

export function ownTerminal(use: TerminalUse): Approver {
  return inTurn(createTerminalApprover({ ...terminal, ...use }), turns);
}

/** What ssh asks while it connects, asked on the terminal of this process. */
export function ownPrompter(use: TerminalUse): Prompter {
  return promptInTurn(createTerminalPrompter({ ...terminal, ...use }), turns);
}
