/** The approvers that the guard itself has. The terminal is that of whoever waits; the queue is no approver. */
import { join } from "node:path";
import type { Approver } from "../approver/approver.ts";
import { createAskpassApprover } from "../approver/askpass.ts";
import { createCommandApprover } from "../approver/command.ts";
import { inTurn } from "../approver/in-turn.ts";
import { createNotificationApprover } from "../approver/notification.ts";
import { createTmuxApprover } from "../approver/tmux.ts";
import { questionEvent } from "../audit/event.ts";
import { makeFifo } from "../platform/libc.ts";
import { openListeningSocket as openSocket } from "../platform/listening-socket.ts";
import type { Desktop } from "../policy/desktop.ts";
import type { Caller } from "../policy/request.ts";

export interface ApproversOptions {
  /** The guard's own. */
  environment: NodeJS.ProcessEnv;
  /** What the askpass program is started with. */
  askpass: NodeJS.ProcessEnv;
  /** Of config.toml. */
  command: readonly string[];
  desktop: Desktop;
  /** Where the guard's sockets are. */
  folder: string;
  /** A process that is inside of no run; undefined for others. */
  outside: (pid: number) => Caller | undefined;
}

export function createApprovers(options: ApproversOptions): Approver[] {
  const { environment, askpass, command, desktop, folder, outside } = options;
  const inTurns = [
    createTmuxApprover({ environment, folder: join(folder, "popup"), makeFifo, openSocket, outside }),
    createAskpassApprover(askpass),
    createCommandApprover({ command, environment, toJson: questionEvent }),
  ];
  return [createNotificationApprover(desktop), ...inTurns.map((approver) => inTurn(approver))];
}
