/**
 * Whether a process lives apart from the guard: pid_namespaces(7), mount_namespaces(7). Where the kernel does
 * not tell (another user's process, one that forbids it), it does not tell the executable either.
 */
import { readFileSync, readlinkSync, statSync } from "node:fs";
import { attempt } from "../../attempt.ts";

type Kind = "pid" | "mnt";

/** Of this process, which leaves none. */
const own: Partial<Record<Kind, string | undefined>> = {};

/** By their mount namespace: those that muxguard made itself for confined runs. */
const confined = new Map<string, Confined>();

interface Confined {
  pidNamespace: string;
  /** By device and inode: programs that are at another path in there. */
  moved: ReadonlyMap<string, string>;
}

/** In another mount namespace any file can be at any path. One that can't be read counts as another. */
export function seesOtherFiles(pid: number | "self"): boolean {
  return !isInOwn("mnt", pid);
}

/**
 * Takes note of the namespaces of a confined run, before its command starts. What lives in exactly these is in
 * no container: all mounts there are muxguard's, and nothing in there may make others. In namespaces that it
 * makes inside it is in one.
 * @param pid a process that is in them
 * @param moved paths of programs that the run finds elsewhere
 * @returns what forgets them; undefined where they can't be read, or are this process's own
 */
export function noteConfined(pid: number, moved: readonly string[] = []): (() => void) | undefined {
  const [mounts, pidNamespace] = [namespaceOf("mnt", pid), namespaceOf("pid", pid)];
  if (mounts === undefined || pidNamespace === undefined || isInOwn("mnt", pid)) return undefined;
  const files = moved.flatMap((path) => {
    const found = attempt(() => statSync(path, { bigint: true }));
    return found ? ([[`${found.dev}:${found.ino}`, path]] as const) : [];
  });
  confined.set(mounts, { pidNamespace, moved: new Map(files) });
  return () => confined.delete(mounts);
}

/** The confined run's namespaces that it is in; undefined for all others. */
export function confinedIn(pid: number | "self"): Confined | undefined {
  if (confined.size === 0) return undefined;
  const found = confined.get(namespaceOf("mnt", pid) ?? "");
  return found && namespaceOf("pid", pid) === found.pidNamespace ? found : undefined;
}

/**
 * Whether it is in another pid or mount namespace.
 *
 * One that forbids to look (PR_SET_DUMPABLE, as ssh-agent does) shows how many pids it has, one for each level
 * of namespaces, and its user namespace: nobody but root enters another mount namespace without one.
 */
export function isInContainer(pid: number): boolean {
  if (isInOwn("pid", pid) && isInOwn("mnt", pid)) return false;
  if (confinedIn(pid)) return false;
  if (namespaceOf("mnt", pid) !== undefined) return true;
  return hasInnerPid(pid) || userMap(pid) !== userMap("self");
}

function isInOwn(kind: Kind, pid: number | "self"): boolean {
  own[kind] ??= namespaceOf(kind, "self");
  return own[kind] !== undefined && namespaceOf(kind, pid) === own[kind];
}

function namespaceOf(kind: Kind, pid: number | "self"): string | undefined {
  return attempt(() => readlinkSync(`/proc/${pid}/ns/${kind}`));
}

/** A process of an inner pid namespace has one pid for each level, and the outermost is ours. */
function hasInnerPid(pid: number): boolean {
  const status = attempt(() => readFileSync(`/proc/${pid}/status`, "latin1")) ?? "";
  const [, pids = ""] = /^NSpid:\t(.*)$/m.exec(status) ?? [];
  return pids.split("\t").length > 1;
}

/** user_namespaces(7): each but the first begins with a map that is not the first's. */
function userMap(pid: number | "self"): string | undefined {
  return attempt(() => readFileSync(`/proc/${pid}/uid_map`, "latin1"));
}
