/** `muxguard daemon stop`, `restart` and `reload`: what the daemon that runs does about itself. */
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../errors.ts";
import { WatchedFolder } from "../../platform/files/watched-folder.ts";
import { watchProcess } from "../../platform/proc/process-end.ts";
import { protectProcess } from "../../platform/proc/protect.ts";
import type { GuardConnection } from "../../rpc/connecting.ts";
import { askGuard } from "../../rpc/replies.ts";
import type { Ending, Reloaded } from "../../rpc/requests.ts";
import { openPaths } from "../../settings/paths.ts";
import { toStderr, toStdout } from "../../to-stderr.ts";
import { CliError, exitCodes } from "../cli-error.ts";
import { connectGuard } from "../guards/guard-connection.ts";
import { useAnswering } from "../guards/guards.ts";
import { inTime } from "../guards/no-answer.ts";

/** How long it may take to end, or to start anew, in milliseconds: masters are closed on the way. */
const PATIENCE = 15_000;
/** How often to look whether it answers, in milliseconds. */
const LOOKS_EVERY = 100;

const NONE = "no daemon runs; start it with: muxguard daemon";

export async function stopDaemon(): Promise<void> {
  const { ending, guard } = await end(false);
  const watch = endOf(ending.pid);
  const ended = await within(Promise.all([gone(guard), watch.ended]));
  watch.close();
  if (!ended) throw new CliError(`the daemon (pid ${ending.pid}) has not ended yet`, exitCodes.unknown);
  toStdout([`stopped (pid ${ending.pid})`, ...lost(ending, "given back, unguarded")].join("; "));
  if (ending.activated)
    toStdout(
      "its sockets stay with systemd, and the next use starts it again; " +
        "systemctl --user stop muxguard.socket ends that",
    );
  else tellHowToStart(ending.agent);
}

/** What no shell takes for anything else. */
const plainWord = /^[\w./+:@%-]+$/;

/** In a shell of `muxguard env` the name of the agent behind the guard is lost. */
function tellHowToStart(agent: string | undefined): void {
  const leadsToGuard = process.env.SSH_AUTH_SOCK === openPaths().agentSocket;
  if (!leadsToGuard || agent === undefined || !plainWord.test(agent)) return;
  toStdout(
    `SSH_AUTH_SOCK leads to it in this shell; to start it again: SSH_AUTH_SOCK=${agent} muxguard daemon`,
  );
}

export async function restartDaemon(): Promise<void> {
  const { ending, guard } = await end(true);
  const watch = endOf(ending.pid); // it keeps its pid
  const looking = new AbortController();
  const answered = gone(guard)
    .then(() => whenItAnswers(looking.signal))
    .then(() => "answered" as const);
  const how = await within(Promise.race([answered, watch.ended.then(() => "ended" as const)]));
  watch.close();
  looking.abort();
  if (how === "ended")
    throw new CliError("the daemon ended when it was to start anew; this says why: muxguard daemon", 1);
  if (!how) throw new CliError(`the daemon (pid ${ending.pid}) does not answer yet`, exitCodes.unknown);
  toStdout([`started anew (pid ${ending.pid})`, ...lost(ending, "taken over again")].join("; "));
}

export async function reloadDaemon(): Promise<void> {
  protectProcess();
  const { daemonSocket } = openPaths();
  const [reloaded] = await useAnswering(daemonSocket, (guard) => askGuard(guard, "reload", null));
  if (!reloaded) throw new CliError(NONE, 1);
  toStdout(describe(reloaded));
  for (const fault of reloaded.faults) toStderr(`muxguard: ${fault}`);
  if (reloaded.faults.length > 0) process.exitCode = exitCodes.settings;
}

function describe({ applied, waiting, faults }: Reloaded): string {
  const parts = [
    faults.length > 0 ? "what is broken stays as it was" : "read anew: config.toml and the policy",
    ...(applied.length > 0 ? [`changed: ${applied.join(", ")}`] : []),
    ...(waiting.length > 0 ? [`after muxguard daemon restart: ${waiting.join(", ")}`] : []),
  ];
  return parts.join("; ");
}

/** @throws CliError where none runs @throws RpcError for one that refuses, and goes on */
async function end(restart: boolean): Promise<{ ending: Ending; guard: GuardConnection }> {
  protectProcess();
  const { daemonSocket } = openPaths();
  const guard = await connectGuard(daemonSocket);
  if (!guard) throw new CliError(NONE, 1);
  try {
    return { guard, ending: await inTime(askGuard(guard, "end", { restart }), daemonSocket) };
  } catch (error) {
    guard.end();
    throw error;
  }
}

/** @param ofAdopted what becomes of masters that were taken over */
function lost({ opened, adopted, grants, pending, runs, privateAgent }: Ending, ofAdopted: string): string[] {
  const counts: [number, string, string][] = [
    [opened, "connection", "closed"],
    [adopted, "shared connection", ofAdopted],
    [grants, "answer", "forgotten"],
    [pending, "question", "denied"],
    [runs, "run", "cut off from the keys"],
  ];
  const said = counts.flatMap(([count, what, how]) =>
    count === 0 ? [] : [`${count} ${what}${count === 1 ? "" : "s"} ${how}`],
  );
  return [...said, ...(privateAgent ? ["the keys of the private agent are gone"] : [])];
}

/** Resolves when it no longer listens. */
function gone(guard: GuardConnection): Promise<void> {
  return new Promise((resolve) => {
    if (guard.gone.aborted) resolve();
    guard.gone.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Closed, it resolves never. */
function endOf(pid: number): { ended: Promise<void>; close(): void } {
  let close = (): void => {};
  const ended = new Promise<void>((resolve) => {
    const watch = watchProcess(pid, resolve);
    if (watch) close = () => watch.close();
    else resolve();
  });
  return { ended, close };
}

/**
 * Looks each time that something is new in its folder, and in between: a socket has its name before it listens.
 * @param over when to look no more
 */
function whenItAnswers(over: AbortSignal): Promise<void> {
  const { runtime, daemonSocket } = openPaths();
  return new Promise((resolve) => {
    const look = async (): Promise<void> => {
      const found = await useAnswering(
        daemonSocket,
        (guard) => askGuard(guard, "status", null),
        () => {},
      );
      if (found.length > 0) resolve();
    };
    const failed = (reason: string): void => toStderr(`muxguard: ${reason}`);
    const looks = () => look().catch((error: unknown) => failed(messageOf(error)));
    const folder = new WatchedFolder(runtime, { found: looks, changed: looks, failed });
    const timer = setInterval(looks, LOOKS_EVERY);
    const stop = (): void => {
      clearInterval(timer);
      folder.close();
    };
    if (over.aborted) stop();
    else over.addEventListener("abort", stop, { once: true });
    void folder.start(); // never rejects
  });
}

async function within<T>(done: Promise<T>): Promise<T | undefined> {
  return Promise.race([done, sleep(PATIENCE, undefined, { ref: false })]);
}
