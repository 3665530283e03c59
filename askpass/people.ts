/** The ways to a person, put together for one question. A guard would keep them; they are the same. */
import { join } from "node:path";
import type { Approver } from "../src/approver/approver.ts";
import { createAskpassApprover } from "../src/approver/askpass.ts";
import { createCommandApprover } from "../src/approver/command.ts";
import { createTurns } from "../src/approver/in-turn.ts";
import { nextAskpass } from "../src/approver/next-askpass.ts";
import { createNotificationApprover } from "../src/approver/notification.ts";
import type { Prompter } from "../src/approver/prompter.ts";
import { promptersOf } from "../src/approver/prompters.ts";
import { createTerminalApprover } from "../src/approver/terminal.ts";
import { createTerminalPrompter } from "../src/approver/terminal-prompt.ts";
import { createTmuxApprover } from "../src/approver/tmux.ts";
import { createTmuxPrompter } from "../src/approver/tmux-prompt.ts";
import { questionEvent } from "../src/audit/event.ts";
import type { Config } from "../src/daemon/config.ts";
import type { Paths } from "../src/daemon/paths.ts";
import { createDesktop } from "../src/platform/desktop.ts";
import { isInRun, readOutside } from "../src/platform/in-run.ts";
import { makeFifo } from "../src/platform/libc.ts";
import { ProcessTable } from "../src/platform/process.ts";
import { protectProcess } from "../src/platform/protect.ts";
import { describeCaller } from "../src/policy/describe.ts";
import type { Caller } from "../src/policy/request.ts";
import { ownTerminal } from "./own-terminal.ts";

export interface People {
  /** By kind. */
  approvers: readonly Approver[];
  prompters: readonly Prompter[];
  /** The program that asks, and who started it. */
  asker: string;
  /** Nobody is asked any more. */
  close(): Promise<void>;
}

export function openPeople(
  paths: Paths,
  { approvers, askpass, command }: Pick<Config, "approvers" | "askpass" | "command">,
): People {
  protectProcess();
  const { env: environment } = process;
  const processes = new ProcessTable();
  const outside = (pid: number) => readOutside(processes, pid);
  const desktop = createDesktop(environment, (pid) => outside(pid) !== undefined);
  const next = nextAskpass(
    { ...environment, SSH_ASKPASS: environment.SSH_ASKPASS ?? "muxguard-askpass" },
    askpass,
  );
  const folder = join(paths.runtime, `askpass-${process.pid}`);
  const tmux = { environment, folder, turns: createTurns(), makeFifo, outside };
  return {
    approvers: [
      createTerminalApprover(ownTerminal),
      createNotificationApprover(desktop),
      createTmuxApprover(tmux),
      createAskpassApprover(next),
      createCommandApprover({ command, environment, toJson: questionEvent }),
    ],
    prompters: [
      createTerminalPrompter(ownTerminal),
      ...promptersOf(approvers, { tmux: createTmuxPrompter(tmux), desktop, askpass: next }),
    ],
    asker: describeAsker(processes.read(process.ppid)),
    close: () => desktop.close(),
  };
}

/** From inside the name of the run can't be told. */
function describeAsker(caller: Caller): string {
  return `${describeCaller(caller)}${isInRun(caller) ? ", inside of a muxguard run" : ""}`;
}
