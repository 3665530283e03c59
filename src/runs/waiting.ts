/**
 * Which process of the user is inside of a run, seen from here. What waits in the runtime folder for the name
 * of a socket can connect before that name is gone.
 */
import { readdirSync, readFileSync } from "node:fs";
import { attempt } from "../attempt.ts";
import { visible } from "../policy/visible.ts";
import { isInside, isSelfMarked } from "./mark.ts";

/** @throws Error if a process of a run is alive, or if this one is inside of a run */
export function refuseBesideRuns(pids = () => readdirSync("/proc")): void {
  if (isSelfMarked()) {
    throw new Error("the private agent can't start inside of a run; start it outside");
  }
  const found = pids().find((pid) => /^\d+$/.test(pid) && isOfUser(pid) && isInside(Number(pid)));
  if (found === undefined) return;
  const name = attempt(() => readFileSync(`/proc/${found}/comm`, "utf8").trim()) ?? "?";
  throw new Error(
    `the private agent does not start while a run's process is alive, which could connect to it first: ` +
      `end ${found} (${visible(name)}), or start the guard before any run`,
  );
}

/** Its status is asked, and not who owns its folder in /proc: that is root where it can't be traced. */
function isOfUser(pid: string): boolean {
  const status = attempt(() => readFileSync(`/proc/${pid}/status`, "latin1")) ?? "";
  const [, uids = ""] = /^Uid:\s+(.+)$/m.exec(status) ?? [];
  return uids.split(/\s+/).includes(String(process.getuid?.()));
}
