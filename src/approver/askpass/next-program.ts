/**
 * The askpass program to ask through where SSH_ASKPASS is muxguard-askpass: one that shows a window, and
 * never muxguard-askpass again.
 */
import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { basename, delimiter, join } from "node:path";

const OWN_NAME = "muxguard-askpass";

/**
 * Set for a program that is asked on behalf of muxguard-askpass: where a script leads back to it, nobody
 * would ever be asked.
 */
export const ASKED_BY_US = "MUXGUARD_ASKED";

/**
 * By name in the PATH, or where distributions put those that no user calls. A user's choice of alternatives
 * comes first.
 */
const known = [
  "ssh-askpass",
  "ksshaskpass",
  "lxqt-openssh-askpass",
  "ssh-askpass-gnome",
  "ssh-askpass-fullscreen",
  "x11-ssh-askpass",
  "/usr/lib/openssh/gnome-ssh-askpass",
  "/usr/libexec/openssh/gnome-ssh-askpass",
  "/usr/lib/seahorse/ssh-askpass",
  "/usr/libexec/seahorse/ssh-askpass",
  "/usr/lib/ssh/ssh-askpass",
  "/usr/libexec/openssh/ssh-askpass",
];

/**
 * The environment in which a program can be asked, by its SSH_ASKPASS; without one if there is none.
 * @param configured config.toml's `askpass`
 */
export function nextAskpass(environment: NodeJS.ProcessEnv, configured?: string): NodeJS.ProcessEnv {
  const { SSH_ASKPASS: own, SSH_ASKPASS_REQUIRE: _, ...others } = environment;
  const asking = { ...others, [ASKED_BY_US]: "1" };
  if (configured !== undefined) return { ...asking, SSH_ASKPASS: configured, SSH_ASKPASS_REQUIRE: "force" };
  if (!own || !isOurs(own)) return { ...environment, [ASKED_BY_US]: "1" };
  // SSH_ASKPASS_REQUIRE=force was meant for muxguard-askpass, which needs no display
  const found = environment.DISPLAY || environment.WAYLAND_DISPLAY ? find(environment.PATH) : undefined;
  return { ...asking, ...(found !== undefined && { SSH_ASKPASS: found }) };
}

function find(path = ""): string | undefined {
  const folders = path.split(delimiter).filter((folder) => folder !== "");
  return known
    .flatMap((name) => (name.startsWith("/") ? [name] : folders.map((folder) => join(folder, name))))
    .find((file) => isProgram(file) && !isOurs(file));
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

function isOurs(file: string): boolean {
  return basename(file) === OWN_NAME || basename(realPath(file)) === OWN_NAME;
}

function realPath(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file; // a name in the PATH
  }
}
