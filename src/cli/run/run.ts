/**
 * `muxguard run`: a command with a guarded agent, through the daemon if one runs, otherwise through a guard
 * of its own.
 */

import { spawn } from "node:child_process";
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { constants as system } from "node:os";
import { basename, resolve } from "node:path";
import { attempt } from "../../attempt.ts";
import { hasKeyboard } from "../../platform/proc/foreground.ts";
import { protectProcess } from "../../platform/proc/protect.ts";
import type { RunSettings } from "../../policy/run-settings.ts";
import { becomeRunHolder, markedCommand } from "../../runs/holder.ts";
import { rideEnvironment } from "../../runs/ride/shims.ts";
import { openPaths, type Paths } from "../../settings/paths.ts";
import { toStderr } from "../../to-stderr.ts";
import { CliError, exitCodes } from "../cli-error.ts";
import { openDaemonRun } from "./daemon-run.ts";
import { leadRun } from "./leading.ts";
import type { OpenRun, RunRequest } from "./request.ts";
import { type SettingsFlags, settingsOf } from "./settings.ts";

export interface RunOptions extends SettingsFlags {
  upstream?: string;
}

/** Returns the exit code: the command's own, 128+n if signal n ended it. */
export async function run([command = "", ...args]: string[], options: RunOptions): Promise<number> {
  const paths = openPaths();
  const settings = await settingsOf(options, paths);
  // set when the command runs; before that there is nothing to send a signal to
  let kill = (_: NodeJS.Signals): void => {};
  const request: RunRequest = {
    name: options.scope ?? basename(command),
    ...(settings.policy !== undefined && { policy: settings.policy }),
    ...(options.upstream !== undefined && { upstream: resolve(options.upstream) }),
    ...(process.env.SSH_AUTH_SOCK && { agent: resolve(process.env.SSH_AUTH_SOCK) }),
    ride: settings.ride,
    report: toStderr,
    interrupted: () => kill("SIGINT"),
  };
  if (settings.confine) {
    const { network, desktop } = settings;
    request.confined = { network, desktop };
    if (options.show) return await showRun(paths, settings);
  }
  protectProcess();
  becomeRunHolder();
  const opened = (await openDaemonRun(paths, request)) ?? (await openWithoutDaemon(paths, request));
  // from before the command starts until all is cleaned up: a signal in between must not end the guard alone
  const stop = passSignals((signal) => kill(signal), settings.confine);
  try {
    const environment = environmentOf(opened, paths);
    const onStart = (send: typeof kill): void => {
      kill = send;
    };
    if (!settings.confine) return await runCommand(command, args, environment, onStart);
    checkProgram(command, environment.PATH);
    const { runConfined, startDetached } = await import("./confined.ts");
    const start = startDetached(environment);
    const words = [command, ...args];
    return await runConfined({
      opened,
      paths,
      settings,
      environment,
      command: words,
      start,
      ownTerminal: false,
      onStart,
    });
  } finally {
    await opened.close();
    stop();
  }
}

async function showRun(paths: Paths, settings: RunSettings): Promise<number> {
  const { showPlan } = await import("./show-plan.ts");
  for (const line of showPlan(paths, settings)) process.stdout.write(`${line}\n`);
  return 0;
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
  checkProgram(command, env.PATH);
  const [program = "", ...words] = markedCommand([command, ...args]);
  const child = spawn(program, words, { stdio: "inherit", env });
  onStart((signal) => child.kill(signal));
  return new Promise((resolveCode, reject) => {
    child.once("error", (error) =>
      reject(new CliError(`${command}: ${error.message}`, exitCodes.notExecutable)),
    );
    child.once("exit", (code, signal) => {
      resolveCode(signal === null ? (code ?? 1) : exitCodes.signal + system.signals[signal]);
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

/**
 * Passes signals on to the command, which decides what they mean; muxguard ends when it does.
 * @param apart whether the command has no terminal, and so none of its keys
 */
function passSignals(kill: (signal: NodeJS.Signals) => void, apart: boolean): () => void {
  const handlers = [...fromKeyboard, ...passed].map((signal) => {
    const handler = (): void => {
      if (apart || !fromKeyboard.includes(signal) || !hasKeyboard()) kill(signal);
    };
    process.on(signal, handler);
    return [signal, handler] as const;
  });
  return () => {
    for (const [signal, handler] of handlers) process.removeListener(signal, handler);
  };
}

/**
 * As execvp(3) looks for it. A folder in PATH that may not be searched has nothing.
 * @throws CliError for what can't be started
 */
function checkProgram(command: string, path = "/bin:/usr/bin"): void {
  const found = command.includes("/") ? [command] : path.split(":").map((folder) => resolve(folder, command));
  if (found.some(isProgram)) return;
  if (command !== "" && found.some((one) => existsSync(one)))
    throw new CliError(`${command}: permission denied`, exitCodes.notExecutable);
  throw new CliError(`${command}: command not found`, exitCodes.notFound);
}

function isProgram(path: string): boolean {
  return attempt(() => accessSync(path, constants.X_OK) ?? statSync(path).isFile()) ?? false;
}
