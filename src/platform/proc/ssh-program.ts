/**
 * Whether a process is a program of SSH's, client or server, by its name. Used to refuse alone: what comes from
 * one may come over its connection.
 */
import { basename } from "node:path";
import type { Process } from "../../policy/request.ts";

/** OpenSSH's, the parts that its server became with 9.8, and dropbear's. */
const programs = new Set(["ssh", "sshd", "sshd-session", "sshd-auth", "dropbear", "dbclient"]);

/** The kernel hides the executable of a server's process. */
export function isSshProgram({ exe, name }: Pick<Process, "exe" | "name">): boolean {
  return programs.has(name) || (exe !== undefined && programs.has(basename(exe)));
}
