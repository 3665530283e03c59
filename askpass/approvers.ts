/** The ways to a person, put together for one question. A guard would keep them; they are the same. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Approvers } from "../src/daemon/approvers.ts";
import { composeWays } from "../src/daemon/compose/ways.ts";
import { ProcessTable } from "../src/platform/proc/process.ts";
import { protectProcess } from "../src/platform/proc/protect.ts";
import { describeCaller } from "../src/policy/describe/caller.ts";
import type { Caller } from "../src/policy/request.ts";
import { isInRun, readOutside } from "../src/runs/in-run.ts";
import type { Config } from "../src/settings/config.ts";
import type { Paths } from "../src/settings/paths.ts";
import { ownApprover, ownPrompter } from "./own-terminal.ts";

export interface OpenApprovers extends Approvers {
  /** The program that asks, and who started it. */
  asker: string;
  /** Nobody is asked any more. */
  close(): Promise<void>;
}

export function openApprovers(
  paths: Paths,
  config: Pick<Config, "approvers" | "askpass" | "command">,
): OpenApprovers {
  protectProcess();
  const { env: environment } = process;
  const processes = new ProcessTable();
  const outside = (pid: number) => readOutside(processes, pid);
  const folder = join(paths.runtime, `askpass-${process.pid}-${randomBytes(4).toString("hex")}`);
  const ways = composeWays({ environment, usualAskpass: "muxguard-askpass", config, folder, outside });
  return {
    approvers: [ownApprover, ...ways.approvers],
    prompters: [ownPrompter, ...ways.prompters],
    asker: describeAsker(processes.read(process.ppid)),
    close: () => ways.desktop.close(),
  };
}

/** From inside the name of the run can't be told. */
function describeAsker(caller: Caller): string {
  return `${describeCaller(caller)}${isInRun(caller) ? ", inside of a muxguard run" : ""}`;
}
