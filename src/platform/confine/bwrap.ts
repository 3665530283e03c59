/**
 * bubblewrap, bwrap(1): the program that makes the namespaces. Its arguments go over a descriptor: a list of
 * what is hidden is long, and nobody's to read in /proc/PID/cmdline.
 */
import { readFileSync, statSync } from "node:fs";
import { attempt } from "../../attempt.ts";
import { isBelowRoots, isRoots } from "../proc/exe.ts";
import type { Mount, Plan } from "./plan.ts";

/** The system's own alone: what PATH leads to may be anybody's. */
const programs = ["/usr/bin/bwrap", "/bin/bwrap", "/usr/local/bin/bwrap"];

/** Undefined where there is none that only root can have put there. */
export function findBwrap(paths: readonly string[] = programs): string | undefined {
  return paths.find((path) => {
    const found = attempt(() => statSync(path));
    return found?.isFile() === true && isRoots(found) && attempt(() => isBelowRoots(path)) === true;
  });
}

/** The descriptors that bubblewrap gets. */
export interface Descriptors {
  arguments: number;
  /** Where it says which process is inside. */
  status: number;
  /** The command is started when a line comes from here, of one digit. */
  begin: number;
}

/**
 * The command line. The command waits for a line inside, and does not start where the descriptor ends: with
 * who should have written it. bubblewrap's own --block-fd starts it at the end too, and what waits there is
 * not killed with its parent yet (PR_SET_PDEATHSIG). So nothing stays when the holder is killed meanwhile.
 */
export function bwrapCommand(
  program: string,
  { arguments: from, begin }: Descriptors,
  command: readonly string[],
): string[] {
  const wait = `read -r go <&${begin} && exec ${begin}<&- "$@"`;
  return [program, "--args", `${from}`, "--", "/bin/sh", "-c", wait, "muxguard", ...command];
}

/**
 * What it reads from its descriptor.
 * @param ownTerminal whether the run has a terminal of its own: without one it gets none, as TIOCSTI would
 * type into the shell that it came from
 */
export function bwrapArguments(plan: Plan, descriptors: Descriptors, ownTerminal: boolean): string {
  const words = [
    ...["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts"],
    ...(plan.network ? [] : ["--unshare-net"]),
    ...(plan.nested ? [] : ["--disable-userns"]),
    ...(ownTerminal ? [] : ["--new-session"]),
    // of root: in its own user namespace it could take the mounts away again
    ...["--cap-drop", "ALL", "--die-with-parent"],
    ...["--bind", "/", "/", "--dev", "/dev", "--proc", "/proc"],
    ...plan.mounts.flatMap((mount) => wordsOf(mount, plan.empty)),
    ...["--json-status-fd", `${descriptors.status}`],
  ];
  return words.map((word) => `${word}\0`).join("");
}

function wordsOf(mount: Mount, empty: string): string[] {
  const { kind, path } = mount;
  switch (kind) {
    case "empty folder":
      return ["--perms", "0700", "--tmpfs", path];
    case "empty file":
      return ["--ro-bind", empty, path];
    case "read-only":
      return ["--ro-bind", path, path];
    case "sealed":
      return ["--remount-ro", path];
    default: {
      const option = kind === "bind" ? "--bind" : "--ro-bind";
      return [mount.optional ? `${option}-try` : option, mount.from ?? path, path];
    }
  }
}

/** What keeps it from working here, as far as that can be seen. Handed in by tests. */
export interface Hindrances {
  program: string | undefined;
  /** A file of the kernel's. */
  read(path: string): string | undefined;
}

const here = (): Hindrances => ({
  program: findBwrap(),
  read: (path) => attempt(() => readFileSync(path, "utf8").trim()),
});

/** The mend, in words that follow what went wrong; undefined where nothing shows it. */
export function mendOf({ program, read }: Hindrances = here()): string | undefined {
  if (program === undefined) return "there is no bubblewrap of the system's: apt install bubblewrap";
  if (read("/proc/sys/user/max_user_namespaces") === "0")
    return "user namespaces are turned off: sysctl user.max_user_namespaces=10000";
  if (read("/proc/sys/kernel/unprivileged_userns_clone") === "0")
    return "user namespaces are root's alone: sysctl kernel.unprivileged_userns_clone=1";
  if (read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") === "1")
    return (
      "AppArmor keeps user namespaces from bubblewrap: load a profile for it that says userns, or " +
      "sysctl kernel.apparmor_restrict_unprivileged_userns=0"
    );
  return undefined;
}
