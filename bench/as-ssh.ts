/**
 * The guard takes a session-bind from ssh alone, which it knows by the name of its executable: what another
 * program brings comes from beyond that program. The bench makes binds of its own, to measure logins without
 * ssh's own time, and so it is a copy of Node that is called ssh.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

/** Node under its own name. */
export const NODE = process.env.MUXGUARD_BENCH_NODE ?? process.execPath;

/** Starts the bench again as a program called ssh, passes signals on to it and ends with it; not if it is one. */
export async function becomeSsh(): Promise<void> {
  if (basename(process.execPath) === "ssh") return;
  const folder = mkdtempSync(join(tmpdir(), "mgb-node-"));
  try {
    const ssh = join(folder, "ssh");
    copyFileSync(process.execPath, ssh);
    const env = { ...process.env, MUXGUARD_BENCH_NODE: process.execPath };
    const bench = spawn(ssh, process.argv.slice(1), { env, stdio: "inherit" });
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.on(signal, () => bench.kill(signal));
    const [status] = await once(bench, "exit");
    process.exitCode = status ?? 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  process.exit();
}
