/**
 * The programs that a run with `--ride` finds first in its PATH: ssh, scp and sftp that ride on the guard's
 * masters.
 */
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { rideProgram } from "../../installation.ts";

/** Where the shims are, in the folder of a run's ride. */
export function shimsOf(folder: string): string {
  return join(folder, "bin");
}

/** Where a confined run finds the real ssh, as the shim is in all its places. Empty in other rides. */
export function movedSsh(folder: string): string {
  return join(folder, "real", "ssh");
}

/**
 * What leads the programs of a run to its shims. git and rsync may be configured to use another ssh: these
 * variables win.
 */
export function rideEnvironment(folder: string, path = "/usr/bin:/bin"): NodeJS.ProcessEnv {
  const bin = shimsOf(folder);
  const ssh = quoted(join(bin, "ssh"));
  return { PATH: `${bin}${delimiter}${path}`, GIT_SSH_COMMAND: ssh, GIT_SSH_VARIANT: "ssh", RSYNC_RSH: ssh };
}

/** @param socket where the shims ask for the way to a host */
export function writeShims(folder: string, socket: string): void {
  const bin = shimsOf(folder);
  mkdirSync(bin, { mode: 0o700 });
  const write = (name: string, text: string): void =>
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o700 });
  const ride = [process.execPath, rideProgram(), socket].map(quoted).join(" ");
  // the shell becomes ssh: one process, which the guard has seen asking
  write("ssh", `muxguard_ssh=$(${ride} "$@" </dev/null) || exit\neval "$muxguard_ssh"`);
  for (const name of ["scp", "sftp"]) {
    const program = findProgram(name);
    if (program !== undefined) write(name, `exec ${quoted(program)} -S ${quoted(join(bin, "ssh"))} "$@"`);
  }
}

/** For the shell: nothing in single quotes means anything. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** The first of that name in the PATH of this process. @param shims a folder that is left out */
export function findProgram(name: string, shims?: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== shims);
  return [...folders, "/usr/bin"].map((folder) => join(folder, name)).find(isFile);
}

export function isProgram(path: string): boolean {
  return isFile(path) && statSync(path).size > 0;
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false; // not there, or in a folder of PATH that may not be searched
  }
}
