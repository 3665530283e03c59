/** `muxguard init --undo`: each file as it was, to the byte. One that has changed since is left, and shown. */
import { join } from "node:path";
import { messageOf } from "../../errors.ts";
import { usualControlFolders } from "../../masters/control-folders.ts";
import { OWN_PREFIX } from "../../platform/sockets/control-socket.ts";
import { answers } from "../../platform/sockets/listener.ts";
import { visible } from "../../policy/visible.ts";
import { readConfig } from "../../settings/config.ts";
import type { Paths } from "../../settings/paths.ts";
import { type Undone, undoAll } from "../../setup/files/apply.ts";
import { removeFolders } from "../../setup/files/change.ts";
import { readInitRecord } from "../../setup/files/record-file.ts";
import { toStderr, toStdout } from "../../to-stderr.ts";
import { showChange, showDiff, showNotes } from "./show.ts";

/** Returns the exit code: 1 where something is left. */
export async function undoInit(paths: Paths, dryRun: boolean): Promise<number> {
  const { changes } = readInitRecord(paths);
  if (changes.length === 0) {
    toStdout("nothing to undo");
    return 0;
  }
  if (dryRun) {
    for (const { path, before, after } of [...changes].reverse())
      showChange({
        path,
        why: "would be undone",
        before: latin1(after),
        after: before === null ? "" : latin1(before),
      });
    return 0;
  }
  const { undone, encrypted } = undoAll(paths);
  for (const one of undone) tellOf(one);
  await removeEmptied(paths);
  const isLeft = undone.some(({ outcome }) => outcome === "changed" || outcome === "failed");
  showNotes([
    ...encrypted.map((path) => `${path} keeps its passphrase: ssh-keygen -p -f ${path} takes it off`),
    "the log stays, and so does a daemon that runs: shells that are open still ask it (muxguard status)",
  ]);
  return isLeft ? 1 : 0;
}

/** A daemon has a folder of its own among shared connections, and leaves it there. */
async function removeEmptied(paths: Paths): Promise<void> {
  if (await answers(paths.daemonSocket)) return;
  const config = await readConfig(paths).catch(() => undefined);
  const folders = config?.controlFolders ?? usualControlFolders(config?.sshConfig, process.env);
  removeFolders(folders.map((folder) => join(folder, OWN_PREFIX)));
}

function tellOf({ done, outcome, present, fault }: Undone): void {
  const path = visible(done.path, 300);
  switch (outcome) {
    case "restored":
      toStdout(`${path}: ${done.before === null ? "removed" : "as it was"}`);
      break;
    case "undone":
      toStdout(`${path}: was as before already`);
      break;
    case "failed":
      toStderr(`muxguard: ${path}: not undone: ${messageOf(fault)}`);
      break;
    case "changed":
      toStderr(`muxguard: ${path}: not undone: it has changed since; it is left as it is. Since then:`);
      showDiff(latin1(done.after), present?.toString("latin1"));
  }
}

function latin1(base64: string): string {
  return Buffer.from(base64, "base64").toString("latin1");
}
