/** A run through the daemon: its guard, its agent, its approvers, and this process's terminal. */
import { existsSync, rmSync } from "node:fs";
import { hasCode, messageOf } from "../../errors.ts";
import { ensurePrivateFolder } from "../../platform/files/private-folder.ts";
import { SETTINGS_ERROR } from "../../rpc/requests.ts";
import { freeRunFolder, holdFolder } from "../../runs/folders.ts";
import type { Paths } from "../../settings/paths.ts";
import { CliError, exitCodes } from "../cli-error.ts";
import type { OpenRun, RunRequest } from "./request.ts";

/**
 * Undefined if no daemon runs, or if it takes no runs from here: inside of a run, a run has a guard of its
 * own behind the outer one.
 */
export async function openDaemonRun(paths: Paths, request: RunRequest): Promise<OpenRun | undefined> {
  if (!existsSync(paths.daemonSocket)) return undefined;
  const { connectGuard } = await import("../guards/guard-connection.ts");
  const connection = await connectGuard(paths.daemonSocket, request.report);
  if (!connection) return undefined;
  const { report, terminal: use, meanwhile, ...asked } = request;
  const { checkAnswers, NoAnswer } = await import("../guards/no-answer.ts");
  const { lendTerminal } = await import("../guards/lent-terminal.ts");
  const { checkedOpenedRun } = await import("../../rpc/quick-checks.ts");
  const terminal = lendTerminal(connection, { report, ...use });
  const own = new OwnFolder(freeRunFolder(paths.runtime));
  try {
    await checkAnswers(connection, paths.daemonSocket);
    const wanted = { ...asked, terminal: terminal.canAsk };
    const opening = connection.request("openRun", wanted, checkedOpenedRun);
    const [opened] = await Promise.all([opening, own.make(meanwhile)]);
    const { rideFolder } = opened;
    const ride = rideFolder === undefined ? undefined : holdFolder(rideFolder);
    const close = async (): Promise<void> => {
      terminal.takeBack("the run has ended");
      connection.end();
      ride?.close();
      own.remove();
      // the daemon does it too, unless it has ended before
      if (rideFolder !== undefined) rmSync(rideFolder, { recursive: true, force: true });
    };
    const noteConfined = async (pid: number, moved: readonly string[]): Promise<void> => {
      await connection.request("confined", { pid, moved: [...moved] }, () => null);
    };
    return { ...opened, folder: own.path, noteConfined, close };
  } catch (error) {
    connection.end();
    own.remove();
    // not a guard of its own in its place: the daemon's lock and remembered answers would not count
    if (error instanceof NoAnswer) throw error;
    if (hasCode(error, SETTINGS_ERROR)) throw new CliError(messageOf(error), exitCodes.settings);
    return undefined;
  }
}

/** The run's own, which this process holds. */
class OwnFolder {
  readonly path: string;
  #held: { close(): void } | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /** Async, so that its error is waited for beside the daemon's answer. */
  async make(meanwhile: RunRequest["meanwhile"]): Promise<void> {
    ensurePrivateFolder(this.path);
    this.#held = holdFolder(this.path);
    meanwhile?.(this.path);
  }

  /** Nothing where it was not made. */
  remove(): void {
    if (!this.#held) return;
    this.#held.close();
    rmSync(this.path, { recursive: true, force: true });
  }
}
