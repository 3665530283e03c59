/**
 * When a login session is over: when the process that it began with has ended.
 *
 * That is the outermost one with the same audit session, set by pam_loginuid(8): a process of sshd, login or
 * the display manager. Where the kernel keeps no audit sessions, it is the leader of the POSIX session: the
 * shell of a terminal.
 */
import { readFileSync } from "node:fs";
import type { Caller, Process } from "../../policy/request.ts";
import { isProcess } from "./process.ts";

/**
 * Undefined where that process can't be seen, or asks itself. Nothing is remembered for a session whose end
 * would not be seen.
 */
export function sessionEnd(caller: Caller): (() => boolean) | undefined {
  const first = firstProcess(caller);
  return first && (() => !isProcess(first.pid, first.startTime));
}

function firstProcess({ session, ancestors }: Caller): Process | undefined {
  const [kind, id] = session.split(":");
  if (kind === "session") return ancestors.find(({ pid }) => pid === Number(id));
  return ancestors.filter(({ pid }) => auditSession(pid) === id).at(-1);
}

function auditSession(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/sessionid`, "utf8").trim();
  } catch {
    return undefined;
  }
}
