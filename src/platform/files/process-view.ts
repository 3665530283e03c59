/**
 * Files as a process sees them: from its own root, through its own mounts. Whoever is asked about may have made
 * all of them. So a path is followed step by step, and no link leads out of that root; what is opened is a
 * regular file of some size, which no FIFO, device or file of procfs is; and only its beginning is read.
 *
 * What a hostile file system (FUSE) does not answer hangs: the caller bounds the time, and how many look at
 * once. openat2(2) would follow a path so in one step, but needs a call that not all sandboxes allow.
 */
import { constants, promises as files } from "node:fs";
import { hasCode } from "../../errors.ts";
import type { ProcessId } from "../../policy/request.ts";
import { O_PATH } from "../libc/descriptors.ts";
import { isProcess } from "../proc/process.ts";

export interface ProcessView {
  /** As the process has it; undefined where the kernel does not tell. */
  cwd: string | undefined;
  /** The environment that the process was started with; undefined where it is too long to be read. */
  environment: ReadonlyMap<string, string> | undefined;
  /**
   * A regular file as UTF-8; undefined for what is none, is not there, or is too long.
   * @param path absolute
   */
  read(path: string): Promise<string | undefined>;
}

/** The kernel's own: MAXSYMLINKS. */
const MAX_LINKS = 40;
const MAX_STEPS = 256;
/** In bytes. */
const [MAX_FILE, MAX_ENVIRONMENT] = [64 * 1024, 512 * 1024];

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** Rejects if the process has ended. */
export async function viewOf<T>(
  { pid, startTime }: ProcessId,
  use: (view: ProcessView) => Promise<T>,
): Promise<T> {
  const root = await files.open(`/proc/${pid}/root`, O_PATH | O_DIRECTORY);
  try {
    const cwd = await files.readlink(`/proc/${pid}/cwd`).catch(() => undefined);
    const environment = await readEnvironment(pid);
    // what was opened is that process's own
    if (!isProcess(pid, startTime)) throw new Error(`process ${pid} has ended`);
    return await use({ cwd, environment, read: (path) => readBelow(root, path) });
  } finally {
    await root.close();
  }
}

/** Rejects if the process has ended, or may not be looked at. */
export async function environmentOf({ pid, startTime }: ProcessId): Promise<ProcessView["environment"]> {
  const environment = await readEnvironment(pid);
  if (!isProcess(pid, startTime)) throw new Error(`process ${pid} has ended`);
  return environment;
}

async function readEnvironment(pid: number): Promise<ReadonlyMap<string, string> | undefined> {
  const file = await files.open(`/proc/${pid}/environ`, O_RDONLY);
  try {
    const text = await readStart(file, MAX_ENVIRONMENT);
    if (text === undefined) return undefined;
    const entries = text.split("\0").map((entry) => /^([^=]+)=(.*)$/s.exec(entry) ?? []);
    // of two of a name, getenv(3) finds the first
    return new Map(
      entries.reverse().flatMap(([, name, value]) => (name === undefined ? [] : [[name, value ?? ""]])),
    );
  } finally {
    await file.close();
  }
}

/** Undefined if there is more than so many bytes. */
async function readStart(file: files.FileHandle, limit: number): Promise<string | undefined> {
  const buffer = Buffer.alloc(limit + 1);
  let length = 0;
  while (length <= limit) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length);
    if (bytesRead === 0) return buffer.toString("utf8", 0, length);
    length += bytesRead;
  }
  return undefined;
}

async function readBelow(root: files.FileHandle, path: string): Promise<string | undefined> {
  const found = await find(root, path);
  if (!found) return undefined;
  try {
    const stats = await found.stat();
    // those of procfs say that they are empty
    if (!stats.isFile() || stats.size === 0 || stats.size > MAX_FILE) return undefined;
    const file = await files.open(pathOf(found), O_RDONLY | O_NONBLOCK);
    try {
      return await readStart(file, MAX_FILE);
    } finally {
      await file.close();
    }
  } finally {
    await found.close();
  }
}

/** By the descriptor alone, whatever has its name by now. */
function pathOf({ fd }: files.FileHandle, name?: string): string {
  return `/proc/self/fd/${fd}${name === undefined ? "" : `/${name}`}`;
}

/** Opened so that it can only be looked at. The caller closes it. */
async function find(root: files.FileHandle, path: string): Promise<files.FileHandle | undefined> {
  const folders: files.FileHandle[] = [];
  const names = path.split("/");
  let links = 0;
  try {
    for (let steps = 0; steps < MAX_STEPS; steps++) {
      const name = names.shift();
      if (name === undefined) return undefined; // a folder
      if (name === "" || name === ".") continue;
      if (name === "..") {
        await folders.pop()?.close();
        continue;
      }
      const next = await open(folders.at(-1) ?? root, name);
      if (!next) return undefined;
      if (typeof next === "string") {
        if (++links > MAX_LINKS) return undefined;
        if (next.startsWith("/")) await closeAll(folders);
        names.unshift(...next.split("/"));
      } else if (names.length > 0) folders.push(next);
      else return next;
    }
    return undefined;
  } finally {
    await closeAll(folders);
  }
}

/** What is there; where a link leads, if it is one. */
async function open(folder: files.FileHandle, name: string): Promise<files.FileHandle | string | undefined> {
  const path = pathOf(folder, name);
  try {
    const found = await files.open(path, O_PATH | O_NOFOLLOW);
    if (!(await found.stat()).isSymbolicLink()) return found;
    await found.close();
    return await files.readlink(path);
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EACCES", "ENAMETOOLONG", "EINVAL"].some((code) => hasCode(error, code)))
      return undefined;
    throw error;
  }
}

async function closeAll(handles: files.FileHandle[]): Promise<void> {
  await Promise.all(handles.splice(0).map((handle) => handle.close()));
}
