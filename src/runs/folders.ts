/**
 * The folders that runs, and what asks for them, have in the runtime folder. Each says by itself whether
 * somebody still holds it: by a FIFO in it that its holder has open (fifo(7): without a reader, none can be
 * opened for writing alone). A pid would say nothing: a folder may be seen from several pid namespaces.
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
import { makeFifo } from "../platform/libc/descriptors.ts";

const HELD = "held";
/** Of a popup, as the approver tmux makes it. */
const HELD_BY_POPUP = "hold";

/** For how long a folder may have nothing in it that shows a holder, in milliseconds. */
const BEGINS_WITHIN = 60_000;

/** Shows that this process holds the folder, until it ends. */
export function holdFolder(folder: string): { close(): void } {
  const path = join(folder, HELD);
  makeFifo(`${path}.new`);
  const fd = openSync(`${path}.new`, constants.O_RDWR | constants.O_NONBLOCK);
  renameSync(`${path}.new`, path); // not before it is open
  return { close: () => closeSync(fd) };
}

/**
 * Of a run with a guard of its own. A process of the same pid, in another namespace, may have that name: the
 * clock tells them apart.
 */
export function freeRunFolder(runtime: string): string {
  const usual = join(runtime, `run-${process.pid}`);
  return existsSync(usual) ? `${usual}-${process.hrtime.bigint().toString(16)}` : usual;
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

/** For a daemon that starts: what the last one left behind that was killed, and what others did. */
export async function removeLeftovers(
  runtime: string,
  endMasters: (folder: string) => Promise<void>,
): Promise<void> {
  removeLeftRides(runtime);
  await removeLeftSockets(runtime);
  const popup = join(runtime, "popup");
  if (existsSync(popup) && isLeftOver(popup, HELD_BY_POPUP)) rmSync(popup, { recursive: true, force: true });
  await removeLeftRuns(runtime, endMasters);
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
    const isLeft = isRun
      ? await isLeftRun(folder)
      : /^askpass-\d+/.test(name) && isLeftOver(folder, HELD_BY_POPUP);
    if (!isLeft) continue;
    const control = join(folder, "control");
    if (isRun && existsSync(control)) await endMasters(control);
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * The same, after a crash of the daemon, with the folders of rides. The programs of runs that go on must find
 * their shims, and hear that nobody answers.
 */
export function removeLeftRides(runtime: string): void {
  for (const name of readdirSync(runtime)) {
    const folder = join(runtime, name);
    if (/^ride-\d+-/.test(name) && isLeftOver(folder, HELD)) rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * The sockets of runs of a daemon that was killed, and those that it was about to put into their place: their names
 * are used once. Where anything but a refusal comes back, somebody may listen.
 */
export async function removeLeftSockets(runtime: string): Promise<void> {
  for (const name of readdirSync(runtime)) {
    if (!/^([0-9a-f]{12}\.(sock|ask)|\.\d+\.[0-9a-z]+\.new)$/.test(name)) continue;
    const path = join(runtime, name);
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (!found?.isSocket() || found.uid !== process.getuid?.()) continue;
    if (await isRefused(path)) rmSync(path, { force: true });
  }
}

/** An older muxguard's has no FIFO, but a socket at which somebody listens. */
async function isLeftRun(folder: string): Promise<boolean> {
  const socket = join(folder, "agent.sock");
  if (!existsSync(join(folder, HELD)) && existsSync(socket)) return isRefused(socket);
  return isLeftOver(folder, HELD);
}

/**
 * Where there is no FIFO, the folder is just being made, or an older muxguard's: then the pid in its name
 * must not be there either.
 */
function isLeftOver(folder: string, fifo: string): boolean {
  try {
    closeSync(openSync(join(folder, fifo), constants.O_WRONLY | constants.O_NONBLOCK));
    return false;
  } catch (error) {
    if (!hasCode(error, "ENOENT")) return hasCode(error, "ENXIO");
    const [, pid] = /-(\d+)/.exec(basename(folder)) ?? [];
    return isOld(folder) && !existsSync(`/proc/${pid}`);
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
