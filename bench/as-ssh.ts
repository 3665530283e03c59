/**
 * The guard takes a session-bind from ssh alone, which it knows by the name of its executable: what another
 * program brings comes from beyond that program. The bench makes binds of its own, to measure logins without
 * ssh's own time, and so it is a copy of Node that is called ssh.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

/** Node under its own name. */
export const NODE = process.env.MUXGUARD_BENCH_NODE ?? process.execPath;

/** Starts the bench again as a program called ssh, and ends with it, unless it is one already. */
export function becomeSsh(): void {
  if (basename(process.execPath) === "ssh") return;
  const folder = mkdtempSync(join(tmpdir(), "mgb-node-"));
  try {
    const ssh = join(folder, "ssh");
    copyFileSync(process.execPath, ssh);
    const env = { ...process.env, MUXGUARD_BENCH_NODE: process.execPath };
    const { status } = spawnSync(ssh, process.argv.slice(1), { env, stdio: "inherit" });
    process.exitCode = status ?? 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  process.exit();
}
