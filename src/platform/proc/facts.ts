/** What /proc says of one process besides its stat: proc(5). */
import { closeSync, openSync, readlinkSync, readSync } from "node:fs";
import { attempt } from "../../attempt.ts";
import { isShortage } from "../../errors.ts";
import type { Process } from "../../policy/request.ts";
import { exeFields, exePath, isOfRoot } from "./exe.ts";
import { isInContainer } from "./namespaces.ts";
import type { Stat } from "./stat.ts";

/** What stays the same until the process calls exec, or goes into another namespace. */
export interface ProcessFacts extends Process {
  layout: string;
  /** True if it lives in another pid or mount namespace than this process. */
  container: boolean;
  session: string;
}

const MAX_CMDLINE = 16 * 1024;
const NO_LOGIN_SESSION = "4294967295";

export function readFacts(pid: number, stat: Stat): ProcessFacts {
  const login = readText(pid, "sessionid");
  const exe = exePath(pid);
  return {
    pid,
    startTime: stat.startTime,
    name: stat.name,
    cmdline: readCmdline(pid),
    layout: stat.layout,
    container: isInContainer(pid),
    session: login === "" || login === NO_LOGIN_SESSION ? `session:${stat.posixSession}` : `login:${login}`,
    ...exeFields(exe),
    ...((exe ? isOfRoot(exe.path) && !exe.deleted && !exe.foreign : isRootsProcess(pid)) && { ofRoot: true }),
  };
}

/** Undefined where the kernel does not tell. */
export function workingFolder(pid: number): string | undefined {
  // another user's process, or one that forbids it (PR_SET_DUMPABLE)
  return attempt(() => readlinkSync(`/proc/${pid}/cwd`));
}

/** Where the kernel does not tell what it runs: whose it is, by its real and its effective user. */
function isRootsProcess(pid: number): boolean {
  return /^Uid:\t0\t0\t/m.test(readText(pid, "status"));
}

function readText(pid: number, name: string): string {
  return readBytes(pid, name)?.toString("utf8") ?? "";
}

/** For one file at a time. */
const scratch = Buffer.alloc(MAX_CMDLINE);

/** The beginning of a file, as a view on a shared buffer. */
function readBytes(pid: number, name: string): Buffer | undefined {
  try {
    const fd = openSync(`/proc/${pid}/${name}`, "r");
    try {
      return scratch.subarray(0, readSync(fd, scratch, 0, scratch.length, 0));
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (isShortage(error)) throw error; // nothing would match what a rule says of it
    return undefined;
  }
}

function readCmdline(pid: number): string[] {
  const bytes = readBytes(pid, "cmdline");
  return bytes ? bytes.toString("utf8").replace(/\0+$/, "").split("\0") : [];
}
