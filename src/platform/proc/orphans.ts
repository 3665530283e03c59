/**
 * The processes that a run adopts: PR_SET_CHILD_SUBREAPER, prctl(2). Somebody has to wait for them when they
 * end. Node waits for the children that it started and for no others: uv__chld() of libuv.
 */
import { readdirSync, readFileSync } from "node:fs";
import { reap } from "../libc/process.ts";
import { parseStat } from "./stat.ts";

/** How long a child must have been a zombie, in milliseconds. Node's own never are: it waits at once. */
const INTERVAL = 1000;

/**
 * Waits for adopted children as they end, until this process does.
 * @param interval in milliseconds
 */
export function reapOrphans(interval = INTERVAL): void {
  let known = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  const schedule = (): void => {
    if (!timer) timer = setTimeout(look, interval).unref();
  };
  const look = (): void => {
    timer = undefined;
    const zombies = children().filter(({ state }) => state === "Z");
    for (const { pid, identity } of zombies) if (known.has(identity)) reap(pid);
    known = new Set(zombies.map(({ identity }) => identity).filter((identity) => !known.has(identity)));
    if (known.size > 0) schedule();
  };
  process.on("SIGCHLD", schedule);
}

interface Child {
  pid: number;
  state: string;
  /** Pid and start time. */
  identity: string;
}

function children(): Child[] {
  try {
    const lists = readdirSync("/proc/self/task").map((task) =>
      readFileSync(`/proc/self/task/${task}/children`, "utf8"),
    );
    return lists.flatMap((list) => list.split(" ").filter((pid) => pid !== "")).flatMap(readChild);
  } catch {
    return []; // a thread ended meanwhile, or the kernel keeps no such lists: the next look may see more
  }
}

function readChild(pid: string): Child[] {
  try {
    const { state, startTime } = parseStat(readFileSync(`/proc/${pid}/stat`, "latin1"));
    return [{ pid: Number(pid), state, identity: `${pid} ${startTime}` }];
  } catch {
    return []; // it was waited for in the meantime
  }
}
