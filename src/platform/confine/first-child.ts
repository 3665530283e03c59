/** The oldest child of a process: of bubblewrap's first process in a namespace, the command. */
import { readFileSync } from "node:fs";
import { attempt } from "../../attempt.ts";
import type { ProcessId } from "../../policy/request.ts";
import { parseStat } from "../proc/stat.ts";

/** Undefined where it has none, or is gone. What it adopts comes behind. */
export function firstChild(pid: number): ProcessId | undefined {
  return attempt(() => {
    const [first = ""] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ");
    if (first === "") return undefined;
    const { startTime } = parseStat(readFileSync(`/proc/${first}/stat`, "latin1"));
    return { pid: Number(first), startTime };
  });
}
