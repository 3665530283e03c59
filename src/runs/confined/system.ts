/** Sockets by which a program reaches the session, the desktop, and what acts for the user as root. */
import { join } from "node:path";
import type { Place } from "../../platform/confine/facts.ts";
import { type Files, placeAt, placesAt } from "./files.ts";

const services = [
  ...["/run/dbus", "/run/docker.sock", "/run/docker", "/run/podman", "/run/containerd", "/run/crio"],
  ...["/run/screen", "/run/pcscd", "/run/snapd.socket", "/run/lxd.socket", "/run/incus", "/run/libvirt"],
  ...["/run/systemd/private", "/run/systemd/io.systemd.Manager", "/run/at-spi", "/run/tmux"],
];

/** Of a runtime folder, what windows and sound need. */
const ofDesktop =
  /^(?:bus|wayland-\d+|pulse|pipewire-\d+|at-spi|dconf|ICEauthority|\.mutter-Xwaylandauth.*|xauth_.*)$/;

export function systemServices(files: Files): Place[] {
  return placesAt(files, services, "a service's socket");
}

/** All of it: session bus, systemd, keyrings, Wayland. */
export function sessionFolder(environment: NodeJS.ProcessEnv, uid: number, files: Files): Place[] {
  const { XDG_RUNTIME_DIR: own } = environment;
  return placesAt(files, [...(own ? [own] : []), `/run/user/${uid}`], "session");
}

/** What of it stays where the run may use the desktop. */
export function desktopSockets(folders: readonly Place[], x11: string, files: Files): string[] {
  const inSession = folders.flatMap(({ path }) => {
    const names = files.list(path).filter((name) => ofDesktop.test(name));
    return names.map((name) => join(path, name));
  });
  const ofX = [".X11-unix", ".ICE-unix"].flatMap((name) => placeAt(files, join(x11, name), "X")?.path ?? []);
  return [...inSession, ...ofX];
}

export function xAuthorities(home: string, { XAUTHORITY: named }: NodeJS.ProcessEnv, files: Files): Place[] {
  const paths = [join(home, ".Xauthority"), join(home, ".ICEauthority"), ...(named ? [named] : [])];
  return placesAt(files, paths, "X", true);
}

/** Of root, in whose own files all of the system is. */
export function systemFolders(files: Files): Place[] {
  const folders = [
    // by the name in core_pattern the kernel starts a program, outside: bubblewrap covers these where they could
    // be written to as folders
    ...["/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/acpi"],
    "/run",
    "/etc",
    "/usr",
    "/boot",
    "/opt",
    "/bin",
    "/sbin",
    "/lib",
    "/lib64",
    "/var/spool",
    "/var/lib",
  ];
  return placesAt(files, folders, "system").filter(
    ({ path }, _, all) => !all.some((one) => path.startsWith(`${one.path}/`)),
  );
}
