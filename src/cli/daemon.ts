/** `muxguard daemon`: the guard of a login session. */
import { spawn } from "node:child_process";
import { Guard } from "../daemon/guard.ts";
import { serveRpc } from "../daemon/rpc-server.ts";
import { unreached } from "../daemon/status/reach.ts";
import { SettingsWatch } from "../daemon/watch/settings-watch.ts";
import { messageOf } from "../errors.ts";
import { answers } from "../platform/sockets/listener.ts";
import { CallerTerminals } from "../platform/terminal/caller-terminal.ts";
import { onScreen } from "../policy/visible.ts";
import { removeLeftRides } from "../runs/folders.ts";
import { type Config, readConfig } from "../settings/config.ts";
import { openPaths, type Paths } from "../settings/paths.ts";
import { userPolicy } from "../settings/policy-files.ts";
import { toStderr } from "../to-stderr.ts";
import { CliError } from "./cli-error.ts";

/** When its first clients are served, in milliseconds after the start. */
const WARM_UP_AFTER = 1000;

export async function daemon({ foreground }: { foreground?: boolean }): Promise<void> {
  const paths = openPaths();
  const config = await readConfig(paths);
  if (await answers(paths.daemonSocket)) return pointLiving(paths.daemonSocket, foreground ?? false);
  if (!foreground) return startInBackground();
  // from before the first socket is there: one that comes then must not leave it behind
  const signalled = firstSignal();
  const close = await serve(paths, config);
  process.send?.("ready");
  await signalled;
  await close();
}

/**
 * What starts a shell starts the daemon, too. In a new login, which has another agent, it is that one which is
 * meant.
 */
async function pointLiving(daemonSocket: string, foreground: boolean): Promise<void> {
  const { SSH_AUTH_SOCK: agent } = process.env;
  const pointed = foreground ? undefined : await attemptToPoint(daemonSocket, agent);
  if (!pointed) throw new CliError("a daemon runs already (muxguard status)", 1);
  toStderr(
    `muxguard: a daemon runs already; from now on it uses the agent of this SSH_AUTH_SOCK: ${pointed}`,
  );
}

async function attemptToPoint(daemonSocket: string, agent: string | undefined): Promise<string | undefined> {
  const { describeAgents, pointToEnvironment } = await import("./upstream.ts");
  try {
    const found = await pointToEnvironment(daemonSocket, agent);
    return found && describeAgents(found.agents);
  } catch (error) {
    toStderr(`muxguard: it goes on with the agent that it has: ${messageOf(error)}`);
    return undefined;
  }
}

function firstSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => resolve());
  });
}

async function serve(paths: Paths, config: Config): Promise<() => Promise<void>> {
  const { runtime: folder, agentSocket, daemonSocket: path } = paths;
  const guard = await Guard.start({
    paths,
    config,
    environment: process.env,
    holdsQuestions: true,
    folder,
    report: toStderr,
  });
  const policy = userPolicy(paths, config.brokenPolicyAfter);
  try {
    const terminals = new CallerTerminals();
    const tellCaller: CallerTerminals["tell"] = (caller, line) => terminals.tell(caller, onScreen(line));
    const outside = await guard.openScope({ policy, report: toStderr, tellCaller });
    const connections = await guard.guardConnections(outside, toStderr);
    guard.closeWith(await serveRpc({ guard, path, agentSocket, policy, connections }));
    removeLeftRides(folder);
    await connections.start();
    await guard.watchFolder();
    const settings = new SettingsWatch({ paths, config, policy, alarms: guard.alarms });
    guard.closeWith(settings);
    await settings.start();
    for (const line of guard.wrong()) toStderr(`muxguard: ${line}`);
    const why = await unreached(guard.reach);
    if (why !== undefined) toStderr(`muxguard: ${why}`);
    setTimeout(() => guard.warmUp(), WARM_UP_AFTER).unref();
  } catch (error) {
    await guard.close();
    throw error;
  }
  return () => guard.close();
}

/**
 * Returns once the daemon serves. What goes wrong before that comes out on our stderr; later on the daemon
 * has none, so that nobody who reads ours waits for it.
 */
function startInBackground(): Promise<void> {
  const [, script = ""] = process.argv;
  const child = spawn(process.execPath, [script, "daemon", "--foreground"], {
    detached: true,
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  child.stderr?.pipe(process.stderr);
  return new Promise((resolve, reject) => {
    child.once("message", () => {
      child.disconnect();
      child.unref();
      // what it said before is there by now, and comes in this turn
      setImmediate(() => {
        child.stderr?.destroy();
        resolve();
      });
    });
    child.once("error", reject);
    child.once("close", (code) => {
      process.exitCode = code ?? 1;
      resolve();
    });
  });
}
