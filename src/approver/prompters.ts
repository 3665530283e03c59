/**
 * Who is asked for what ssh wants to know where there is no terminal for it: in tmux and on the desktop if
 * those are approvers, else a program.
 */
import type { Desktop } from "../policy/desktop.ts";
import { createAskpassPrompter } from "./askpass/prompter.ts";
import { createNoticePrompter } from "./notification/prompter.ts";
import type { Prompter } from "./prompter.ts";

export interface PrompterParts {
  tmux: Prompter;
  desktop: Desktop;
  /** The environment of which SSH_ASKPASS is the program. */
  askpass: NodeJS.ProcessEnv;
}

/** @param approvers their kinds, as in config.toml */
export function promptersOf(
  approvers: readonly string[],
  { tmux, desktop, askpass }: PrompterParts,
): Prompter[] {
  return [
    ...(approvers.includes("tmux") ? [tmux] : []),
    ...(approvers.includes("notification") ? [createNoticePrompter(desktop)] : []),
    createAskpassPrompter(askpass),
  ];
}
