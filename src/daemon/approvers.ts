/**
 * The ways to a person that need no terminal of whoever waits. The queue is none: somebody comes by himself.
 */
import type { Approver } from "../approver/approver.ts";
import { createAskpassApprover } from "../approver/askpass/approver.ts";
import { createCommandApprover } from "../approver/command/approver.ts";
import { createTurns, inTurn } from "../approver/in-turn.ts";
import { createNotificationApprover } from "../approver/notification/approver.ts";
import type { Prompter } from "../approver/prompter.ts";
import { promptersOf } from "../approver/prompters.ts";
import { createTmuxApprover } from "../approver/tmux/approver.ts";
import { createTmuxPrompter } from "../approver/tmux/prompter.ts";
import type { TmuxOptions } from "../approver/tmux/terminal.ts";
import { questionEvent } from "../audit/event.ts";
import { makeFifo } from "../platform/libc/descriptors.ts";
import { openListeningSocket } from "../platform/sockets/listening-socket.ts";
import type { Desktop } from "../policy/desktop.ts";
import type { Caller } from "../policy/request.ts";
import type { Config } from "../settings/config.ts";

export interface ApproversOptions {
  /** Of this process. */
  environment: NodeJS.ProcessEnv;
  /** What the askpass program is started with. */
  askpass: NodeJS.ProcessEnv;
  config: Pick<Config, "approvers" | "command">;
  desktop: Desktop;
  /** Of this process's own, private: made for a question in tmux, and removed. */
  folder: string;
  /** A process that is inside of no run; undefined for others. */
  outside: (pid: number) => Caller | undefined;
  /** The socket of the tmux server that a process says it is in; never rejects. */
  serverOf?: (caller: Caller) => Promise<string | undefined>;
}

export interface Approvers {
  /** One of each kind. */
  approvers: readonly Approver[];
  /** Those that config.toml names, in the order in which they are tried. */
  prompters: readonly Prompter[];
}

export function createApprovers(options: ApproversOptions): Approvers {
  const { environment, askpass, config, desktop, folder, outside, serverOf } = options;
  const tmux: TmuxOptions = {
    environment,
    folder,
    turns: createTurns(),
    makeFifo,
    openSocket: openListeningSocket,
    outside,
    ...(serverOf && { serverOf }),
  };
  return {
    approvers: [
      createNotificationApprover(desktop),
      createTmuxApprover(tmux),
      inTurn(createAskpassApprover(askpass)),
      inTurn(createCommandApprover({ command: config.command, environment, toJson: questionEvent })),
    ],
    prompters: promptersOf(config.approvers, { tmux: createTmuxPrompter(tmux), desktop, askpass }),
  };
}
