/**
 * The programs that a run with `--ride` finds first in its PATH: ssh, scp and sftp that ride on the guard's
 * masters.
 */
import { mkdirSync, readFileSync, type Stats, statSync, writeFileSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { attempt } from "../../attempt.ts";
import { rideProgram, rideSshScript } from "../../installation.ts";

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

/** @param holder of the run */
export function writeShims(folder: string, holder?: number): void {
  const bin = shimsOf(folder);
  mkdirSync(bin, { mode: 0o700 });
  const write = (name: string, text: string): void =>
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o700 });
  const filters = seccompFilters(holder);
  const places = { folder, node: process.execPath, ride: rideProgram(), filters };
  const lines = Object.entries(places).map(([name, path]) => `muxguard_${name}=${quoted(path)}\n`);
  // a copy: it may come to lie in the place of the system's own ssh, and needs no other file there
  write("ssh", `${lines.join("")}${readFileSync(rideSshScript(), "utf8")}`);
  for (const name of ["scp", "sftp"]) {
    const program = findProgram(name);
    if (program !== undefined) write(name, `exec ${quoted(program)} -S ${quoted(join(bin, "ssh"))} "$@"`);
  }
}

/** As /proc says it, since Linux 5.9. */
function seccompFilters(pid: number | "self" = "self"): string {
  const status = attempt(() => readFileSync(`/proc/${pid}/status`, "utf8")) ?? "";
  return /^Seccomp_filters:\s*(\d+)$/m.exec(status)?.[1] ?? "";
}

/** For the shell: nothing in single quotes means anything. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** The ssh that a ride's ssh becomes. @param folder of the ride */
export function findSsh(folder: string): string | undefined {
  const moved = movedSsh(folder);
  return isProgram(infoOf(moved)) ? moved : findProgram("ssh", join(shimsOf(folder), "ssh"));
}

/**
 * The first of that name in the PATH of this process.
 * @param shim that is left out, in whatever place it lies
 */
export function findProgram(name: string, shim?: string): string | undefined {
  const left = shim === undefined ? undefined : infoOf(shim);
  const folders = (process.env.PATH ?? "").split(delimiter).filter(isAbsolute);
  return [...folders, "/usr/bin"]
    .map((folder) => join(folder, name))
    .find((path) => {
      const found = infoOf(path);
      return isProgram(found) && !(left && found.dev === left.dev && found.ino === left.ino);
    });
}

function isProgram(found: Stats | undefined): found is Stats {
  return found?.isFile() === true && (found.mode & 0o111) !== 0;
}

function infoOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined; // not there, or in a folder of PATH that may not be searched
  }
}
