/**
 * Which of the real programs are on this machine. Where one is missing its tests are skipped, and say so;
 * with MUXGUARD_REQUIRE_PEERS set, as CI does, they fail instead.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { describe } from "vitest";
import { BROWSERS } from "../../lab/browser.ts";
import { PYTHON, SSHD, X11_ASKPASS } from "../../lab/programs.ts";
import { SERVERS_HAVE_TERMINALS } from "../../lab/terminal/server-terminals.ts";

export { PYTHON, X11_ASKPASS };

/** OpenSSH's own security key for tests, of Debian's package openssh-tests: it is always touched. */
export const SECURITY_KEY = "/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so";

const probes: Record<string, () => boolean> = {
  sshd: () => existsSync(SSHD),
  ssh: () => isOnPath("ssh"),
  git: () => isOnPath("git"),
  rsync: () => isOnPath("rsync"),
  python: () => runs(PYTHON, ["-c", "import pty"]),
  openssl: () => isOnPath("openssl"),
  sudo: () => isOnPath("sudo"),
  tmux: () => isOnPath("tmux"),
  vi: () => runs("/bin/sh", ["-c", "vi --version | grep -q '^VIM'"]),
  less: () => isOnPath("less"),
  paramiko: () => runs(PYTHON, ["-c", "import paramiko"]),
  plink: () => isOnPath("plink") && isOnPath("puttygen"),
  bus: () => isOnPath("dbus-daemon"),
  bwrap: () => runs("bwrap", ["--unshare-user", "--bind", "/", "/", "true"]),
  userns: () => runs("unshare", ["-Urm", "mount", "-t", "tmpfs", "none", "/mnt"]),
  fish: () => isOnPath("fish"),
  zsh: () => isOnPath("zsh"),
  gpg: () => isOnPath("gpg") && isOnPath("gpg-agent") && isOnPath("gpgconf"),
  cc: () => isOnPath("cc"),
  dunst: () => isOnPath("dunst") && isOnPath("dunstctl") && isOnPath("Xvfb"),
  "notify-send": () => isOnPath("notify-send"),
  "ssh-askpass": () => X11_ASKPASS !== "" && isOnPath("xdotool") && isOnPath("Xvfb"),
  ansible: () => isOnPath("ansible"),
  dbclient: () => isOnPath("dbclient"),
  chromium: () => BROWSERS.some(isOnPath),
  systemd: () => isOnPath("systemd-socket-activate") && isOnPath("systemd-analyze"),
  csh: () => isOnPath("csh"),
  nats: () => isOnPath("nats-server"),
  "sk-dummy": () => existsSync(SECURITY_KEY),
};

if (!SERVERS_HAVE_TERMINALS)
  console.warn("skipped, as /dev/pts is mounted without gid=: terminals of sessions");

/** A describe() that needs these programs. */
export function describeWith(tools: (keyof typeof probes)[], name: string, body: () => void): void {
  const missing = tools.filter((tool) => !probes[tool]?.());
  if (missing.length > 0 && process.env.MUXGUARD_REQUIRE_PEERS) {
    throw new Error(`${name}: MUXGUARD_REQUIRE_PEERS is set and these are missing: ${missing.join(", ")}`);
  }
  if (missing.length > 0) console.warn(`skipped, for want of ${missing.join(", ")}: ${name}`);
  describe.skipIf(missing.length > 0)(name, body);
}

/** The same, for what only root can set up: users. */
export function describeAsRoot(tools: (keyof typeof probes)[], name: string, body: () => void): void {
  if (process.getuid?.() === 0) describeWith(tools, name, body);
  else describe.skip(`${name}, which takes root to set up`, () => {});
}

function isOnPath(command: string): boolean {
  return runs("/bin/sh", ["-c", `command -v ${command}`]);
}

/** Whether a program is there, and can do this. */
export function runs(command: string, args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
