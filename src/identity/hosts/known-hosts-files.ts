/** known_hosts files, read again only when they have changed. */
import { closeSync, constants, openSync, readFileSync } from "node:fs";
import { BoundedMap } from "../bounded-map.ts";
import { FileStamps } from "../file-stamps.ts";
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
  let fd: number | undefined;
  try {
    // a FIFO may have taken its place since it was looked at: nobody waits for who writes there
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    return parseKnownHosts(readFileSync(fd, "utf8"));
  } catch {
    return nothing;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
