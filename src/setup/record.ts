/** What `muxguard init` has changed, to be undone to the byte: which is kept, and what becomes of a file then. */

export interface Done {
  /** As it was named, and the file itself where that was a link. */
  path: string;
  file: string;
  /** Base64; null where there was no file. */
  before: string | null;
  after: string;
  /** Folders that were made for it, the outermost first. */
  folders: string[];
}

export interface InitRecord {
  version: 1;
  /** In the order in which they were made. */
  changes: Done[];
  /** Key files that got a passphrase, which is not undone. */
  encrypted: string[];
  /** Made for this record, the outermost first. */
  folders: string[];
}

export const emptyRecord: InitRecord = { version: 1, changes: [], encrypted: [], folders: [] };

/**
 * "restore": it is as it was left. "undone": it is as it was before. "changed": somebody has written there
 * since.
 * @param present its bytes; undefined where there is none
 */
export function undoOf(
  { before, after }: Done,
  present: Buffer | undefined,
): "restore" | "undone" | "changed" {
  const now = present === undefined ? null : present.toString("base64");
  if (now === after) return "restore";
  return now === before ? "undone" : "changed";
}

/** Never throws. @returns undefined for what is none */
export function parseRecord(text: string): InitRecord | undefined {
  try {
    const { version, changes, encrypted, folders } = JSON.parse(text) as InitRecord;
    const isOurs = version === 1 && changes.every(isDone) && encrypted.every(isText) && folders.every(isText);
    return isOurs ? { version, changes, encrypted, folders } : undefined;
  } catch {
    return undefined;
  }
}

function isDone(value: unknown): value is Done {
  const { path, file, before, after, folders } = (value ?? {}) as Partial<Done>;
  return (
    [path, file, after].every(isText) &&
    (before === null || isText(before)) &&
    Array.isArray(folders) &&
    folders.every(isText)
  );
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}
