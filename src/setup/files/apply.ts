/** Makes changes and takes them back, with the record of them. */
import type { Paths } from "../../settings/paths.ts";
import type { Change } from "../plan.ts";
import { type Done, undoOf } from "../record.ts";
import { changeFile, fileAt, missingFolders, readBytes, removeFolders } from "./change.ts";
import { keepInitRecord, readInitRecord, removeInitRecord } from "./record-file.ts";

/** @throws Error where it can't be made; what was made before is in the record */
export function applyChange(paths: Paths, { path, before, after }: Change): void {
  const file = fileAt(path);
  const [old, fresh] = [
    before === undefined ? undefined : Buffer.from(before, "latin1"),
    Buffer.from(after, "latin1"),
  ];
  const record = readInitRecord(paths);
  const done: Done = {
    path,
    file,
    before: old?.toString("base64") ?? null,
    after: fresh.toString("base64"),
    folders: missingFolders(file),
  };
  keepInitRecord(paths, { ...record, changes: [...record.changes, done] });
  changeFile(file, old, fresh);
}

/** A key file that got a passphrase, of which no copy is kept. */
export function noteEncrypted(paths: Paths, path: string): void {
  const record = readInitRecord(paths);
  keepInitRecord(paths, { ...record, encrypted: [...new Set([...record.encrypted, path])] });
}

export interface Undone {
  done: Done;
  /** "changed": it was left as it is, with these bytes; undefined where it is gone. */
  outcome: "restored" | "undone" | "changed" | "failed";
  present?: Buffer | undefined;
  fault?: unknown;
}

/** The last change first. What can't be undone stays in the record. */
export function undoAll(paths: Paths): { undone: Undone[]; encrypted: string[] } {
  const record = readInitRecord(paths);
  const left: Done[] = [];
  const stuck = new Set<string>();
  const undone = [...record.changes].reverse().map((done): Undone => {
    // an earlier change of a file that a later one is still on
    const result: Undone = stuck.has(done.file) ? { done, outcome: "changed" } : undoOne(done);
    if (result.outcome === "changed" || result.outcome === "failed") {
      left.unshift(done);
      stuck.add(done.file);
    }
    return result;
  });
  if (left.length > 0) keepInitRecord(paths, { ...record, changes: left });
  else {
    removeInitRecord(paths);
    removeFolders(record.folders);
  }
  return { undone, encrypted: record.encrypted };
}

function undoOne(done: Done): Undone {
  try {
    const present = readBytes(done.file);
    const what = undoOf(done, present);
    if (what === "changed") return { done, outcome: "changed", present };
    if (what === "restore")
      changeFile(done.file, present, done.before === null ? undefined : Buffer.from(done.before, "base64"));
    removeFolders(done.folders);
    return { done, outcome: what === "restore" ? "restored" : "undone" };
  } catch (fault) {
    return { done, outcome: "failed", fault };
  }
}
