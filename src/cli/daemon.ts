/** `muxguard daemon`: the guard of a login session. */
import { spawn } from "node:child_process";
import { memberOf } from "../daemon/fleet/member.ts";
import { endRevoked } from "../daemon/fleet/revoked.ts";
import { Guard } from "../daemon/guard.ts";
import { serveRpc } from "../daemon/rpc-server.ts";
import { unreached } from "../daemon/status/reach.ts";
import { SettingsWatch } from "../daemon/watch/settings-watch.ts";
import { messageOf } from "../errors.ts";
import type { Member } from "../fleet/member.ts";
import type { Connections } from "../masters/connections.ts";
import type { HowItEnds } from "../masters/connections-parts.ts";
import { endOrphans } from "../masters/records.ts";
import { UntouchedFiles } from "../platform/files/untouched-files.ts";
import { becomeProgram } from "../platform/libc/process.ts";
import { InheritedSockets } from "../platform/sockets/inherited.ts";
import { answers } from "../platform/sockets/listener.ts";
import { CallerTerminals } from "../platform/terminal/caller-terminal.ts";
import type { Rule } from "../policy/policy.ts";
import { onScreen } from "../policy/visible.ts";
import { removeLeftovers } from "../runs/folders.ts";
import { type Config, readConfig } from "../settings/config.ts";
import { openPaths, type Paths } from "../settings/paths.ts";
import { userPolicy } from "../settings/policy-files.ts";
import { isUnread, toStderr } from "../to-stderr.ts";
import { CliError, exitCodes } from "./cli-error.ts";

/** When its first clients are served, in milliseconds after the start. */
const WARM_UP_AFTER = 1000;

/** How long the last words may take to be read, in milliseconds. */
const READS_WITHIN = 1000;

export async function daemon({ foreground = false }: { foreground?: boolean }): Promise<void> {
  const paths = openPaths();
  const { agentSocket, daemonSocket } = paths;
  const inherited = InheritedSockets.take(process.env, [agentSocket, daemonSocket]);
  if (inherited.paths.length > 0 && !foreground)
    throw new CliError("LISTEN_FDS is for: muxguard daemon --foreground", exitCodes.usage);
  const config = await readConfig(paths);
  const isFree = inherited.paths.includes(daemonSocket) || !(await answers(daemonSocket));
  if (!isFree) return pointLiving(daemonSocket, foreground);
  if (!foreground) return startInBackground();
  // from before the first socket is there: one that comes then must not leave it behind
  const ending = firstEnd();
  const fleet = await memberOf(config, paths, paths.runtime, true);
  const guard = await serve({ paths, config, inherited, end: ending.end, fleet });
  process.send?.("ready");
  const how = await ending.ended;
  const agent = guard.agents.handOn();
  await guard.close(how);
  await fleet?.end(); // the guard's end is in the log as well
  if (how === "lost") process.exitCode = 1;
  // what it was started with, but for what was said since
  if (how === "restart")
    becomeProgram(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1)], {
      ...process.env,
      ...agent,
      ...inherited.handOn(),
    });
  // the terminal may be stopped, and whoever started it may not read
  setTimeout(() => isUnread() && process.exit(), READS_WITHIN).unref();
  // of a server that went silent in the middle, NATS's client keeps a socket that nobody can close
  if (config.fleet) setTimeout(() => process.exit(), isUnread() ? READS_WITHIN : 0);
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

/** A signal, what `muxguard daemon stop` and `restart` say, or that nobody can reach it. The first one counts. */
function firstEnd(): { ended: Promise<HowItEnds>; end(how: HowItEnds): void } {
  let end = (_: HowItEnds): void => {};
  const ended = new Promise<HowItEnds>((resolve) => {
    end = resolve;
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => end("stop"));
  return { ended, end };
}

interface Serving {
  paths: Paths;
  config: Config;
  inherited: InheritedSockets;
  end(how: HowItEnds): void;
  fleet: Member | undefined;
}

async function serve({ paths, config, inherited, end, fleet }: Serving): Promise<Guard> {
  const { runtime: folder, agentSocket, daemonSocket: path } = paths;
  const guard = await Guard.start({
    paths,
    config,
    environment: process.env,
    holdsQuestions: true,
    folder,
    inherited,
    ...(fleet && { fleet }),
    report: toStderr,
  });
  if (fleet) guard.closeWith(fleet);
  await fleet?.load();
  const policy = userPolicy(paths, config, (files) => new UntouchedFiles(files));
  guard.closeWith(policy);
  try {
    const terminals = new CallerTerminals();
    const tellCaller: CallerTerminals["tell"] = (caller, line) => terminals.tell(caller, onScreen(line));
    const outside = await guard.openScope({ policy, report: toStderr, tellCaller });
    const connections = await guard.guardConnections(outside, toStderr);
    const settings = new SettingsWatch({ paths, config, policy, alarms: guard.alarms, report: toStderr });
    guard.closeWith(settings);
    const service = { settings, inherited, end };
    guard.closeWith(await serveRpc({ guard, path, agentSocket, policy, connections, service, fleet }));
    await removeLeftovers(folder, async (control) => endOrphans(control));
    await connections.start();
    fleet?.whenRevoked((rules) => endThose(connections, rules));
    await guard.watchFolder([], end);
    await settings.start();
    for (const line of guard.wrong()) toStderr(`muxguard: ${line}`);
    const why = await unreached(guard.reach);
    if (why !== undefined) toStderr(`muxguard: ${why}`);
    setTimeout(() => guard.warmUp(), WARM_UP_AFTER).unref();
  } catch (error) {
    await guard.close();
    await fleet?.end();
    throw error;
  }
  return guard;
}

function endThose(connections: Connections, rules: readonly Rule[]): void {
  endRevoked(connections, rules).catch((error: unknown) =>
    toStderr(`muxguard: a connection to what is revoked goes on: ${messageOf(error)}`),
  );
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
