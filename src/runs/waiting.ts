/**
 * Which process of the user is inside of a run, seen from here. What waits in the runtime folder for the name
 * of a socket can connect before that name is gone.
 *
 * A process that forks and ends, again and again, is gone each time that it is looked at. But whoever is alive
 * during a walk is listed once, be it as a child: pids are given upwards, and /proc lists them upwards
 * (alloc_pid() of the kernel's kernel/pid.c, proc_pid_readdir() of fs/proc/base.c). So a walk says that nobody
 * is there if it could look at all that it has listed, and the numbers did not begin again meanwhile.
 */
import { readdirSync, readFileSync } from "node:fs";
import { attempt } from "../attempt.ts";
import { hasCode, messageOf } from "../errors.ts";
import { visible } from "../policy/visible.ts";
import { isInPlainRun, isSelfMarked } from "./mark.ts";

/** A walk takes about a millisecond, once it looks at new processes alone. */
const MAX_WALKS = 100;

/** What /proc says. Handed in by tests. */
export interface ProcView {
  /** Upwards. */
  pids(): number[];
  /** The pid that was given last. */
  lastPid(): number;
  /**
   * Undefined for one that has ended, be it that its parent has not looked yet.
   * @throws Error for one that can't be looked at
   */
  isOfRun(pid: number): boolean | undefined;
}

/** @throws Error if a process of a run is alive or may be, or if this one is inside of a run */
export function refuseBesideRuns(view: ProcView = proc): void {
  if (isSelfMarked()) {
    throw new Error("the private agent can't start inside of a run; start it outside");
  }
  const known = new Set<number>();
  for (let walks = 0; walks < MAX_WALKS; walks++) if (walk(known, view) === "all seen") return;
  throw new Error(
    "the private agent does not start: processes begin and end so fast that one of a run could be among " +
      "them; start the guard when less is going on",
  );
}

/**
 * @param known those that earlier walks have looked at
 * @throws Error for a process of a run
 */
function walk(known: Set<number>, view: ProcView): "all seen" | "some ended" {
  const before = view.lastPid();
  // the youngest first, which end the soonest
  const fresh = view
    .pids()
    .filter((pid) => !known.has(pid))
    .reverse();
  const ended = fresh.filter((pid) => {
    const found = view.isOfRun(pid);
    if (found) throw new Error(besideIt(pid));
    known.add(pid); // one that had ended before the list was made has no child that is not in it
    return found === undefined;
  });
  const beganAgain = view.lastPid() < before;
  if (beganAgain) known.clear(); // a pid may be another process's
  return ended.length === 0 && !beganAgain ? "all seen" : "some ended";
}

function besideIt(pid: number): string {
  const name = attempt(() => readFileSync(`/proc/${pid}/comm`, "utf8").trim()) ?? "?";
  return (
    `the private agent does not start while a run's process is alive, which could connect to it first: ` +
    `end ${pid} (${visible(name)}), or start the guard before any run`
  );
}

const proc: ProcView = {
  pids: () => {
    const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
    if (!pids.includes("1")) throw new Error(hidden("it does not show all"));
    return pids.map(Number).sort((one, other) => one - other);
  },
  lastPid: () => Number(readFileSync("/proc/loadavg", "latin1").trim().split(" ").at(-1)),
  isOfRun: (pid) => {
    try {
      const status = readFileSync(`/proc/${pid}/status`, "latin1");
      return hasEnded(status) ? undefined : isOfUser(status) && isInPlainRun(pid);
    } catch (error) {
      if (hasCode(error, "ENOENT") || hasCode(error, "ESRCH")) return undefined;
      throw new Error(hidden(messageOf(error)));
    }
  },
};

function hidden(reason: string): string {
  const what = "the private agent does not start where /proc hides processes, which could be a run's";
  return `${what}: ${reason} (hidepid)`;
}

/** Not where its first thread alone has ended. */
function hasEnded(status: string): boolean {
  return /^State:\s+[ZX]/m.test(status) && /^Threads:\s+[01]$/m.test(status);
}

/** Its status is asked, and not who owns its folder in /proc: that is root where it can't be traced. */
function isOfUser(status: string): boolean {
  const [, uids = ""] = /^Uid:\s+(.+)$/m.exec(status) ?? [];
  return uids.split(/\s+/).includes(String(process.getuid?.()));
}
