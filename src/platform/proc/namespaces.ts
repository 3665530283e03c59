/**
 * Whether a process lives apart from the guard: pid_namespaces(7), mount_namespaces(7). Where the kernel does
 * not tell (another user's process, one that forbids it), it does not tell the executable either.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { attempt } from "../../attempt.ts";

type Kind = "pid" | "mnt";

/** Of this process, which leaves none. */
const own: Partial<Record<Kind, string | undefined>> = {};

/** In another mount namespace any file can be at any path. One that can't be read counts as another. */
export function seesOtherFiles(pid: number | "self"): boolean {
  return !isInOwn("mnt", pid);
}

/**
 * Whether it is in another pid or mount namespace.
 *
 * One that forbids to look (PR_SET_DUMPABLE, as ssh-agent does) shows how many pids it has, one for each level
 * of namespaces, and its user namespace: nobody but root enters another mount namespace without one.
 */
export function isInContainer(pid: number): boolean {
  if (isInOwn("pid", pid) && isInOwn("mnt", pid)) return false;
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
