/** The terminal of this process as an approver. */
import type { Approver } from "../approver/approver.ts";
import { inTurn } from "../approver/in-turn.ts";
import type { Prompter } from "../approver/prompter.ts";
import { createTerminalApprover } from "../approver/terminal.ts";
import { createTerminalPrompter } from "../approver/terminal-prompt.ts";
import { mayTakeForeground, takeForeground } from "../platform/foreground.ts";

export function ownTerminal(interrupted: () => void): Approver {
  return inTurn(createTerminalApprover({ path: "/dev/tty", mayTakeForeground, takeForeground, interrupted }));
}

/** What ssh asks while it connects, asked on the terminal of this process. */
export function ownPrompter(interrupted: () => void): Prompter {
  return createTerminalPrompter({ path: "/dev/tty", mayTakeForeground, takeForeground, interrupted });
}
