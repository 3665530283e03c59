/**
 * A place of a suite's own: its processes, its ports, its home. In there no other program's processes are to be
 * seen, none has a port that a script of OpenSSH has fixed, and what the suite leaves behind ends with it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeFolder } from "../../lab/folder.ts";
import { usersWithHome } from "../../lab/users/accounts.ts";

const FOLDER = "MUXGUARD_SUITE_FOLDER";

/** Starts this program again in there, and ends with it. @returns a folder for its files, in there */
export async function becomeApart(): Promise<string> {
  const own = process.env[FOLDER];
  if (own !== undefined) return own;
  const folder = makeFolder();
  try {
    process.exitCode = await startIn(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  process.exit();
}

async function startIn(folder: string): Promise<number> {
  // the start-up files of whoever runs it are no part of it, and may take longer than all else
  const [home, files] = ["home", "files"].map((name) => join(folder, name)) as [string, string];
  for (const path of [home, files]) mkdirSync(path, { mode: 0o700 });
  writeFileSync(join(folder, "passwd"), usersWithHome(home, "/bin/sh"));
  // without it, sshd starts for nobody
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  const namespaces = ["--unshare-pid", "--unshare-net", "--dev-bind", "/", "/", "--proc", "/proc"];
  const users = ["--bind", join(folder, "passwd"), "/etc/passwd"];
  const program = [process.execPath, ...process.argv.slice(1)];
  const child = spawn("bwrap", [...namespaces, ...users, "--die-with-parent", ...program], {
    env: { ...process.env, HOME: home, [FOLDER]: files },
    stdio: "inherit",
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
  const [code] = await once(child, "exit");
  return code ?? 1;
}
