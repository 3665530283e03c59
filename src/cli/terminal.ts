/** The terminal of this process as an approver. */
import type { Approver } from "../approver/approver.ts";
import { inTurn } from "../approver/in-turn.ts";
import { createTerminalApprover } from "../approver/terminal.ts";
import { mayTakeForeground, takeForeground } from "../platform/foreground.ts";

export function ownTerminal(interrupted: () => void): Approver {
  return inTurn(createTerminalApprover({ path: "/dev/tty", mayTakeForeground, takeForeground, interrupted }));
}
