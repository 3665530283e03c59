/**
 * `muxguard run`: a command with a guarded agent, through the daemon if one runs, otherwise through a guard
 * of its own.
 */

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { basename, resolve } from "node:path";
import { codeOf } from "../../errors.ts";
import { hasKeyboard } from "../../platform/proc/foreground.ts";
import { protectProcess } from "../../platform/proc/protect.ts";
import { becomeRunHolder, markRun } from "../../runs/holder.ts";
import { rideEnvironment } from "../../runs/ride/shims.ts";
import { openPaths, type Paths } from "../../settings/paths.ts";
import { toStderr } from "../../to-stderr.ts";
import { CliError, exitCodes } from "../cli-error.ts";
import { openDaemonRun } from "./daemon-run.ts";
import { leadRun } from "./leading.ts";
import type { OpenRun, RunRequest } from "./request.ts";

export interface RunOptions {
  policy?: string;
  scope?: string;
  upstream?: string;
  ride?: boolean;
}

/** Returns the exit code: the command's own, 128+n if signal n ended it. */
export async function run([command = "", ...args]: string[], options: RunOptions): Promise<number> {
  const paths = openPaths();
  // set when the command runs; before that there is nothing to send a signal to
  let kill = (_: NodeJS.Signals): void => {};
  const request: RunRequest = {
    name: options.scope ?? basename(command),
    ...(options.policy !== undefined && { policy: resolve(options.policy) }),
    ...(options.upstream !== undefined && { upstream: resolve(options.upstream) }),
    ride: options.ride ?? false,
    report: toStderr,
    interrupted: () => kill("SIGINT"),
  };
  protectProcess();
  becomeRunHolder();
  const opened = (await openDaemonRun(paths, request)) ?? (await openWithoutDaemon(paths, request));
  // from before the command starts until all is cleaned up: a signal in between must not end the guard alone
  const stop = passSignals((signal) => kill(signal));
  try {
    markRun(); // not before: a daemon opens no runs for who is marked
    const environment = environmentOf(opened, paths);
    return await runCommand(command, args, environment, (send) => {
      kill = send;
    });
  } finally {
    await opened.close();
    stop();
  }
}

/** Loaded where no daemon runs: the schemas of settings take longer than all the rest. */
async function openWithoutDaemon(paths: Paths, request: RunRequest): Promise<OpenRun> {
  const [{ readConfig }, { openOwnRun }] = await Promise.all([
    import("../../settings/config.ts"),
    import("./own-run.ts"),
  ]);
  return openOwnRun(paths, await readConfig(paths), request);
}

function runCommand(
  command: string,
  args: string[],
  env: NodeJS.ProcessEnv,
  onStart: (send: (signal: NodeJS.Signals) => void) => void,
): Promise<number> {
  const child = spawn(command, args, { stdio: "inherit", env });
  onStart((signal) => child.kill(signal));
  return new Promise((resolveCode, reject) => {
    child.once("error", (error) => reject(startError(command, error)));
    child.once("exit", (code, signal) => {
      resolveCode(signal === null ? (code ?? 1) : exitCodes.signal + constants.signals[signal]);
    });
  });
}

function environmentOf(opened: OpenRun, paths: Paths): NodeJS.ProcessEnv {
  const { agentSocket, askpassSocket, rideFolder } = opened;
  const { SSH_AGENT_PID: _, SSH_AUTH_SOCK: __, ...others } = process.env;
  const environment = { ...others, MUXGUARD_PROMPTS: askpassSocket };
  const led = leadRun(opened, paths, others);
  if (rideFolder === undefined) return { ...environment, ...led, SSH_AUTH_SOCK: agentSocket };
  return { ...environment, ...rideEnvironment(rideFolder, others.PATH) };
}

/** Those that a key sends to the whole foreground of a terminal: to the command too, if it is there. */
const fromKeyboard: NodeJS.Signals[] = ["SIGINT", "SIGQUIT"];
const passed: NodeJS.Signals[] = ["SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM"];

/** Passes signals on to the command, which decides what they mean; muxguard ends when it does. */
function passSignals(kill: (signal: NodeJS.Signals) => void): () => void {
  const handlers = [...fromKeyboard, ...passed].map((signal) => {
    const handler = (): void => {
      if (!fromKeyboard.includes(signal) || !hasKeyboard()) kill(signal);
    };
    process.on(signal, handler);
    return [signal, handler] as const;
  });
  return () => {
    for (const [signal, handler] of handlers) process.removeListener(signal, handler);
  };
}

function startError(command: string, error: Error): CliError {
  const code = codeOf(error);
  if (code === "ENOENT" || (code === "EACCES" && !isThere(command)))
    return new CliError(`${command}: command not found`, exitCodes.notFound);
  if (code === "EACCES") return new CliError(`${command}: permission denied`, exitCodes.notExecutable);
  return new CliError(`${command}: ${error.message}`, exitCodes.notExecutable);
}

/** A folder in PATH that may not be searched looks like a command that may not be executed. execvp(3). */
function isThere(command: string): boolean {
  if (command.includes("/")) return true;
  return (process.env.PATH ?? "").split(":").some((folder) => existsSync(resolve(folder, command)));
}
