/** CPU time beside wall time: what a process has used, whoever waited for what. */
import { readdirSync, readFileSync } from "node:fs";
import { attempt } from "../src/attempt.ts";

/** Of a process and of all its threads, in milliseconds. proc(5), /proc/PID/task/TID/schedstat */
export function cpuTime(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  // a thread that closes a passed descriptor is there for a moment only
  const used = threads.map((thread) =>
    attempt(() => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8")),
  );
  return used.reduce((sum, line) => sum + Number(line?.split(" ")[0] ?? 0), 0) / 1e6;
}

/** Of the children that this process has waited for, and theirs, in milliseconds. proc(5), /proc/PID/stat */
export function childrensCpuTime(): number {
  const stat = readFileSync("/proc/self/stat", "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // from the third, the state, on
  const [user = Number.NaN, system = Number.NaN] = fields.slice(13, 15).map(Number);
  return (user + system) * MILLISECONDS_A_TICK;
}

/** sysconf(_SC_CLK_TCK) is 100 wherever Node runs. */
const MILLISECONDS_A_TICK = 10;
