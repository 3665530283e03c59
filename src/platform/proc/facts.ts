/** What /proc says of one process besides its stat: proc(5). */
import { closeSync, openSync, readlinkSync, readSync } from "node:fs";
import type { Process } from "../../policy/request.ts";
import { exeFields, exePath } from "./exe.ts";
import type { Stat } from "./stat.ts";

/** What stays the same until the process calls exec. */
export interface ProcessFacts extends Process {
  layout: string;
  /** True if it lives in another pid namespace than this process. */
  container: boolean;
  session: string;
}

const MAX_CMDLINE = 16 * 1024;
const NO_LOGIN_SESSION = "4294967295";

export function readFacts(pid: number, stat: Stat): ProcessFacts {
  const login = readText(pid, "sessionid");
  return {
    pid,
    startTime: stat.startTime,
    name: stat.name,
    cmdline: readCmdline(pid),
    layout: stat.layout,
    container: isInOtherPidNamespace(pid),
    session: login === "" || login === NO_LOGIN_SESSION ? `session:${stat.posixSession}` : `login:${login}`,
    ...exeFields(exePath(pid)),
  };
}

/** Undefined where the kernel does not tell. */
export function workingFolder(pid: number): string | undefined {
  return link(pid, "cwd");
}

function link(pid: number | "self", name: "cwd" | "ns/pid"): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/${name}`);
  } catch {
    return undefined; // another user's process, or one that forbids it (PR_SET_DUMPABLE)
  }
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
  } catch {
    return undefined;
  }
}

function readCmdline(pid: number): string[] {
  const bytes = readBytes(pid, "cmdline");
  return bytes ? bytes.toString("utf8").replace(/\0+$/, "").split("\0") : [];
}

let ownNamespace: string | undefined;

/**
 * A process of an inner pid namespace has one pid for each level, and the outermost is ours. The link is
 * faster, where it may be read.
 */
function isInOtherPidNamespace(pid: number): boolean {
  ownNamespace ??= link("self", "ns/pid");
  if (ownNamespace !== undefined && link(pid, "ns/pid") === ownNamespace) return false;
  const [, pids = ""] = /^NSpid:\t(.*)$/m.exec(readText(pid, "status")) ?? [];
  return pids.split("\t").length > 1;
}
