/** known_hosts files, read again only when they have changed. */
import { BoundedMap } from "../bounded-map.ts";
import { FileStamps, readIfFile } from "../file-stamps.ts";
import { type KnownHostsEntry, parseKnownHosts } from "./known-hosts.ts";

/** More than one user has; `UserKnownHostsFile` may name one for each host. */
const MAX_FILES = 64;

const nothing: readonly KnownHostsEntry[] = [];

interface ReadFile {
  stamp: string;
  entries: readonly KnownHostsEntry[];
}

export class KnownHostsFiles {
  readonly #files = new BoundedMap<string, ReadFile>(MAX_FILES);

  /** The same array for as long as the file is the same. Empty for one that is missing or can't be read. */
  read(path: string, stamps = new FileStamps()): readonly KnownHostsEntry[] {
    const stamp = stamps.of(path);
    if (stamp === "") return nothing;
    const known = this.#files.get(path);
    if (known?.stamp === stamp) return known.entries;
    const entries = readEntries(path);
    this.#files.set(path, { stamp, entries });
    return entries;
  }
}

function readEntries(path: string): readonly KnownHostsEntry[] {
  const text = readIfFile(path);
  return text === undefined ? nothing : parseKnownHosts(text);
}
