/** Where the programs are that the laboratory starts: muxguard's own, and those that are not on the PATH. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The laboratory runs as it is written, and compiled, and as a part of a bundle: the project is above it. */
const bin = join(rootAbove(dirname(fileURLToPath(import.meta.url))), "bin");

export const MUXGUARD = join(bin, "muxguard");
export const ASKPASS = join(bin, "muxguard-askpass");

export const SSHD = "/usr/sbin/sshd";

/** The system's own, which Debian's python3-* packages belong to; another may come first on the PATH. */
export const PYTHON = "/usr/bin/python3";

/** The askpass program of Debian's package ssh-askpass; `ssh-askpass` on the PATH may be another one. */
export const X11_ASKPASS =
  ["/usr/libexec/ssh-askpass/x11-ssh-askpass", "/usr/lib/ssh/x11-ssh-askpass"].find(existsSync) ?? "";

function rootAbove(folder: string): string {
  if (existsSync(join(folder, "bin", "muxguard")) || folder === dirname(folder)) return folder;
  return rootAbove(dirname(folder));
}
