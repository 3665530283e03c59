/**
 * What `ssh -N` becomes in a run with `--ride`: a mux client asks for its forwards and ends at once. This
 * stays, as ssh would: a signal takes the forwards back, and so does the end of the shared connection. Not a
 * command of muxguard's own.
 */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { messageOf } from "../../errors.ts";
import { endOnFaults } from "../../faults.ts";
import { WatchedFolder } from "../../platform/files/watched-folder.ts";
import { toStderr } from "../../to-stderr.ts";

const FAILED = 255; // as ssh ends after a signal, and where its connection is lost

const [, , path = "", position, ...forward] = process.argv;
const ended = new Promise<string | undefined>((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => resolve(undefined));
  const look = (): void => {
    if (!existsSync(path)) resolve("muxguard: the shared connection has ended");
  };
  const watched = new WatchedFolder(dirname(path), { found: look, changed: look, failed: () => {} });
  setImmediate(() => void watched.start()); // never rejects
});

process.stderr.on("error", () => {}); // it holds on without a reader
endOnFaults("muxguard", FAILED);
main().catch((error) => {
  toStderr(`muxguard: ${messageOf(error)}`);
  process.exit(FAILED);
});

async function main(): Promise<void> {
  process.exitCode = control(forward);
  if (process.exitCode === 0) await stay();
  process.exit();
}

async function stay(): Promise<void> {
  const reason = await ended;
  if (reason === undefined) control(forward.with(Number(position), "cancel"));
  else toStderr(reason);
  process.exitCode = FAILED;
}

function control([ssh = "", ...words]: readonly string[]): number {
  return spawnSync(ssh, words, { stdio: "inherit" }).status ?? FAILED;
}
