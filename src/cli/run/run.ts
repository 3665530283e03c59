/**
 * `muxguard run`: a command with a guarded agent, through the daemon if one runs, otherwise through a guard
 * of its own.
 */

import { accessSync, constants, existsSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import { attempt } from "../../attempt.ts";
import { protectProcess } from "../../platform/proc/protect.ts";
import type { RunSettings } from "../../policy/run-settings.ts";
import { becomeRunHolder } from "../../runs/holder.ts";
import { rideEnvironment } from "../../runs/ride/shims.ts";
import { openPaths, type Paths } from "../../settings/paths.ts";
import { CliError, exitCodes } from "../cli-error.ts";
import type { Ahead } from "./confined-ahead.ts";
import { openDaemonRun } from "./daemon-run.ts";
import { leadRun } from "./leading.ts";
import type { OpenRun, RunRequest } from "./request.ts";
import { RunTerminal } from "./run-terminal.ts";
import { type SettingsFlags, settingsOf } from "./settings.ts";

export interface RunOptions extends SettingsFlags {
  upstream?: string;
  /** What it is for. */
  why?: string;
}

/** Returns the exit code: the command's own, 128+n if signal n ended it. */
export async function run([command = "", ...args]: string[], options: RunOptions): Promise<number> {
  const paths = openPaths();
  const settings = await settingsOf(options, paths);
  if (options.show) return await showRun(paths, settings);
  const { network, desktop } = settings;
  if (options.why !== undefined) process.env.MUXGUARD_REASON = options.why;
  const { MUXGUARD_REASON: why } = process.env;
  const terminal = new RunTerminal();
  const ahead = settings.confine ? await aheadOf(paths, settings) : undefined;
  const request: RunRequest = {
    name: options.scope ?? basename(command),
    ...(settings.policy !== undefined && { policy: settings.policy }),
    ...(options.upstream !== undefined && { upstream: resolve(options.upstream) }),
    ...(process.env.SSH_AUTH_SOCK && { agent: resolve(process.env.SSH_AUTH_SOCK) }),
    ride: settings.ride,
    ...(why && { why }),
    ...(settings.confine && { confined: { network, desktop } }),
    report: terminal.report,
    terminal,
    ...(ahead && { meanwhile: (folder: string) => ahead.begin(folder) }),
  };
  protectProcess();
  becomeRunHolder();
  try {
    return await runOpened([command, ...args], request, { paths, settings, ahead, terminal });
  } finally {
    ahead?.close(); // where no run was opened
  }
}

interface Parts {
  paths: Paths;
  settings: RunSettings;
  /** Of a confined run. */
  ahead: Ahead | undefined;
  terminal: RunTerminal;
}

async function runOpened(words: string[], request: RunRequest, parts: Parts): Promise<number> {
  const { paths, settings, ahead, terminal } = parts;
  const [command = ""] = words;
  const opened = (await openDaemonRun(paths, request)) ?? (await openWithoutDaemon(paths, request));
  // from before the command starts until all is cleaned up: a signal in between must not end the guard alone
  const stop = passSignals((signal) => terminal.kill(signal));
  try {
    const environment = environmentOf(opened, paths);
    checkProgram(command, environment.PATH);
    if (!ahead) return await terminal.run(words, environment);
    const { runConfined } = await import("./confined.ts");
    return await runConfined({ opened, paths, settings, ahead, environment, command: words, terminal });
  } finally {
    ahead?.close();
    await opened.close();
    await terminal.close();
    stop();
  }
}

async function aheadOf(paths: Paths, settings: RunSettings): Promise<Ahead> {
  const { Ahead } = await import("./confined-ahead.ts");
  return new Ahead(paths, settings);
}

async function showRun(paths: Paths, settings: RunSettings): Promise<number> {
  const { showPlan } = await import("./show-plan.ts");
  for (const line of await showPlan(paths, settings)) process.stdout.write(`${line}\n`);
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

function environmentOf(opened: OpenRun, paths: Paths): NodeJS.ProcessEnv {
  const { agentSocket, askpassSocket, rideFolder } = opened;
  const { SSH_AGENT_PID: _, SSH_AUTH_SOCK: __, ...others } = process.env;
  const environment = { ...others, MUXGUARD_PROMPTS: askpassSocket, SSH_AUTH_SOCK: agentSocket };
  const led = leadRun(opened, paths, others);
  if (rideFolder === undefined) return { ...environment, ...led };
  return { ...environment, ...rideEnvironment(rideFolder, others.PATH) };
}

const passed: NodeJS.Signals[] = ["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM"];

/** Passes signals on to the command, which decides what they mean; muxguard ends when it does. */
function passSignals(kill: (signal: NodeJS.Signals) => void): () => void {
  const handlers = passed.map((signal) => {
    const handler = (): void => kill(signal);
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
