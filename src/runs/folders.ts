/**
 * The folders that runs, and what asks for them, have in the runtime folder. Each says by itself whether
 * somebody still holds it: by a socket at which its holder listens, or a FIFO that it has open. A pid would
 * say nothing: the same folder may be seen from several pid namespaces.
 */
import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from "node:fs";
import { connect } from "node:net";
import { basename, join } from "node:path";
import { hasCode } from "../errors.ts";
import { type Listener, listenPrivately } from "../platform/sockets/listener.ts";

const HELD = "held.sock";

/** For how long a folder may have nothing in it that shows a holder, in milliseconds. */
const BEGINS_WITHIN = 60_000;

/** Shows that this process holds the folder, until it ends. */
export async function holdFolder(folder: string): Promise<Listener> {
  const listener = await listenPrivately(join(folder, "held.new"), (socket) => void socket.destroy());
  try {
    renameSync(listener.path, join(folder, HELD)); // not before somebody listens there
    return listener;
  } catch (error) {
    await listener.close();
    throw error;
  }
}

/** Of a run with a guard of its own. A process of the same pid, in another namespace, may have that name. */
export function freeRunFolder(runtime: string, suffix: () => string): string {
  const usual = join(runtime, `run-${process.pid}`);
  return existsSync(usual) ? `${usual}-${suffix()}` : usual;
}

/** Whether it is the name of a run's folder. */
export function isRunFolder(name: string): boolean {
  return runPid(name) !== undefined;
}

/** The pid of the process that holds the run, in its own namespace; undefined for another name. */
export function runPid(name: string): number | undefined {
  const [, pid] = /^run-(\d+)(?:-[0-9a-f]+)?$/.exec(name) ?? [];
  return pid === undefined ? undefined : Number(pid);
}

/**
 * Removes what runs, and what muxguard-askpass, left behind that were killed.
 * @param endMasters ends those of a ride: nobody can reach them any more
 */
export async function removeLeftRuns(
  runtime: string,
  endMasters: (folder: string) => Promise<void>,
): Promise<void> {
  for (const name of readdirSync(runtime)) {
    const folder = join(runtime, name);
    const isRun = isRunFolder(name);
    if (!(isRun ? await isLeftRun(folder) : /^askpass-\d+/.test(name) && isLeftPopup(folder))) continue;
    const control = join(folder, "control");
    if (isRun && existsSync(control)) await endMasters(control);
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * The same, after a crash of the daemon, with the folders of rides. The programs of runs that go on must find
 * their shims, and hear that nobody answers.
 */
export async function removeLeftRides(runtime: string): Promise<void> {
  for (const name of readdirSync(runtime)) {
    const folder = join(runtime, name);
    if (/^ride-\d+-/.test(name) && (await isLeft(folder, [HELD])))
      rmSync(folder, { recursive: true, force: true });
  }
}

function isLeftRun(folder: string): Promise<boolean> {
  return isLeft(folder, [HELD, "agent.sock"]);
}

/**
 * @param sockets the first that is there tells. Where there is none, the folder is just being made, or an
 * older muxguard's: then the pid in its name must not be there either.
 */
async function isLeft(folder: string, sockets: readonly string[]): Promise<boolean> {
  const socket = sockets.map((name) => join(folder, name)).find((path) => existsSync(path));
  if (socket !== undefined) return isRefused(socket);
  const [, pid] = /-(\d+)/.exec(basename(folder)) ?? [];
  return isOld(folder) && !existsSync(`/proc/${pid}`);
}

/** A popup's folder, as the approver tmux makes it: whoever asks has the FIFO open for reading too. */
function isLeftPopup(folder: string): boolean {
  try {
    closeSync(openSync(join(folder, "hold"), constants.O_WRONLY | constants.O_NONBLOCK));
    return false;
  } catch (error) {
    return hasCode(error, "ENXIO") || (hasCode(error, "ENOENT") && isOld(folder));
  }
}

/** Its holder, if there is one, would have shown itself by now. */
function isOld(folder: string): boolean {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  return found?.isDirectory() === true && Date.now() - found.mtimeMs > BEGINS_WITHIN;
}

/** Whatever else goes wrong is no proof that nobody is there. */
function isRefused(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve(false);
    });
    probe.once("error", (error) => resolve(hasCode(error, "ECONNREFUSED")));
  });
}
