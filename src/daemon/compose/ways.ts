/**
 * The ways to a person, put together: for a guard, which keeps them, and for one question of
 * muxguard-askpass.
 */
import type { Approver } from "../../approver/approver.ts";
import { nextAskpass } from "../../approver/askpass/next-program.ts";
import { createDesktop, type OpenDesktop } from "../../platform/desktop/desktop.ts";
import type { Caller } from "../../policy/request.ts";
import type { Config } from "../../settings/config.ts";
import { type Approvers, type ApproversOptions, createApprovers } from "../approvers.ts";

export interface WaysOptions {
  /** Of this process. */
  environment: NodeJS.ProcessEnv;
  /** What SSH_ASKPASS is taken for where it is not set. */
  usualAskpass?: string;
  config: Pick<Config, "approvers" | "askpass" | "command">;
  /** For a popup of tmux. */
  folder: string;
  /** A process that is inside of no run; undefined for others. */
  outside: (pid: number) => Caller | undefined;
  serverOf?: NonNullable<ApproversOptions["serverOf"]>;
  /** Made elsewhere. */
  more?: readonly Approver[];
}

export interface Ways extends Approvers {
  desktop: OpenDesktop;
}

export function composeWays(options: WaysOptions): Ways {
  const { environment, config, folder, outside, serverOf, more = [] } = options;
  const desktop = createDesktop(environment, (pid) => outside(pid) !== undefined);
  const { SSH_ASKPASS = options.usualAskpass } = environment;
  const askpass = nextAskpass({ ...environment, SSH_ASKPASS }, config.askpass);
  const parts = { environment, askpass, config, desktop, folder, outside, ...(serverOf && { serverOf }) };
  const { approvers, prompters } = createApprovers(parts);
  return { desktop, approvers: [...approvers, ...more], prompters };
}
