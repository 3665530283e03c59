/**
 * Descriptors that a confined run would inherit. A folder that is open leads out of any namespace: openat(2),
 * fchdir(2).
 */
import { fstatSync, readdirSync } from "node:fs";
import { attempt } from "../../attempt.ts";
import { descriptorInfo } from "../files/descriptor-info.ts";
import { closeOnExec, O_PATH } from "../libc/descriptors.ts";

/** None but stdin, stdout and stderr. Whoever started muxguard may have left others open. */
export function inheritNone(): void {
  const others = readdirSync("/proc/self/fd").map(Number);
  for (const fd of others.filter((one) => one > 2)) attempt(() => closeOnExec(fd)); // one was for this list
}

/** Why one of those three can't be handed on; undefined where all can. */
export function leadsOut(): string | undefined {
  const names = ["stdin", "stdout", "stderr"];
  const fd = [0, 1, 2].find((one) => attempt(() => fstatSync(one).isDirectory()) === true || isPath(one));
  return fd === undefined ? undefined : `${names[fd]} is a folder or a bare path, which leads out of the run`;
}

/** Opened with O_PATH. */
function isPath(fd: number): boolean {
  return ((descriptorInfo("self", fd)?.flags ?? 0) & O_PATH) !== 0;
}
