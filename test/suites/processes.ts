/** Processes that a suite has started, or that what it has started did. */
import { readdirSync, readFileSync } from "node:fs";
import { signal, until } from "../../lab/processes.ts";

/** The pids of those whose command line names a file in the folder. */
export function processesOf(folder: string): number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => pid !== process.pid && commandLine(pid).includes(`${folder}/`));
}

/** Empty if it has ended. */
function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

/** Asks them to end, and waits until they have. */
export async function endProcessesOf(folder: string): Promise<void> {
  const end = (): boolean => {
    const pids = processesOf(folder);
    for (const pid of pids) signal(pid);
    return pids.length === 0;
  };
  await until(end, () => `the end of the processes ${processesOf(folder).join()}`, 20_000, 50);
}
