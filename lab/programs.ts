/** Where the programs are that the laboratory starts: muxguard's own, and those that are not on the PATH. */
import { existsSync } from "node:fs";
import { askpassProgram, muxguardProgram } from "../src/installation.ts";

export const MUXGUARD = muxguardProgram();
export const ASKPASS = askpassProgram();

export const SSHD = "/usr/sbin/sshd";

/** The system's own, which Debian's python3-* packages belong to; another may come first on the PATH. */
export const PYTHON = "/usr/bin/python3";

/** The askpass program of Debian's package ssh-askpass; `ssh-askpass` on the PATH may be another one. */
export const X11_ASKPASS =
  ["/usr/libexec/ssh-askpass/x11-ssh-askpass", "/usr/lib/ssh/x11-ssh-askpass"].find(existsSync) ?? "";
