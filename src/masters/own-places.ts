/**
 * Which paths lead to a socket of the guard's. A forward to one of them would make a shared connection, which
 * is outside of every run, the client that approves, signs or goes on from there.
 *
 * A path is followed as the kernel would, and what it leads to is compared by device and inode: links, mounts
 * and second names don't hide it. A link may lead elsewhere a moment later: so whoever serves the guard's
 * sockets looks at its clients, too.
 *
 * Limits: one look at a time, 2 seconds each. A file system may give no answer (FUSE), and holds one of
 * libuv's threads then.
 */
import { promises as files } from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
import { hasCode } from "../errors.ts";
import type { Target } from "../guard/mux/parts.ts";
import { OWN_PREFIX } from "../platform/sockets/control-socket.ts";
import type { MasterRegistry } from "./registry.ts";

export interface OwnPlaces {
  /** Private folders: whatever is below them is the guard's. */
  folders(): readonly string[];
  /** Single sockets, by their names. */
  sockets(): readonly string[];
}

/** With the sockets of the masters, and the folders in which adopted ones have their second names. */
export function withMasters(own: OwnPlaces, registry: MasterRegistry): OwnPlaces {
  const paths = (): string[] => registry.list().flatMap(({ path }) => (isAbsolute(path) ? path : []));
  return {
    folders: () => [...own.folders(), ...paths().map((path) => join(dirname(path), OWN_PREFIX))],
    sockets: () => [...own.sockets(), ...paths()],
  };
}

const OWN = "this leads to a socket that muxguard itself uses";

const LIMIT = 2_000;
/** The kernel's own: MAXSYMLINKS. */
const MAX_LINKS = 40;

export class Targets {
  readonly #own: OwnPlaces;
  #last: Promise<unknown> = Promise.resolve();

  constructor(own: OwnPlaces) {
    this.#own = own;
  }

  /**
   * Where a path leads. Never rejects.
   * @param folder against which one that is not absolute counts
   */
  async find(path: string, folder: string | undefined): Promise<Target> {
    if (!isAbsolute(path) && folder === undefined) return { refused: "nobody can say where this path leads" };
    const looking = this.#last.then(() => this.#look(isAbsolute(path) ? path : `${folder}/${path}`));
    this.#last = looking.catch(() => {}); // one that hangs lets no other begin
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Target>((resolve) => {
      timer = setTimeout(() => resolve({ refused: "the path gives no answer" }), LIMIT);
    });
    const failed = (): Target => ({ refused: "nobody can say where this path leads" });
    return Promise.race([looking.catch(failed), late]).finally(() => clearTimeout(timer));
  }

  async #look(path: string): Promise<Target> {
    const real = await follow(path);
    const places = await Promise.all([...foldersOf(real), real].map(identityOf));
    const folders = await Promise.all(this.#own.folders().map(identityOf));
    const sockets = await Promise.all((await this.#socketNames()).map(identityOf));
    const own = new Set([...folders, ...sockets].filter((identity) => identity !== undefined));
    const isOwn = places.some((identity) => identity !== undefined && own.has(identity));
    return isOwn ? { refused: OWN, isOwn: true } : { path: real };
  }

  /** With those in the folders: a socket may have a second name elsewhere. */
  async #socketNames(): Promise<string[]> {
    const inside = await Promise.all(this.#own.folders().map((folder) => namesBelow(folder, 2)));
    return [...this.#own.sockets(), ...inside.flat()];
  }
}

/** As the kernel follows it; what is not there keeps its name in the deepest folder that is. */
async function follow(path: string, links = 0): Promise<string> {
  try {
    return await files.realpath(path);
  } catch (error) {
    if (!hasCode(error, "ENOENT") || links >= MAX_LINKS) throw error;
  }
  const link = await files.readlink(path).catch(() => undefined);
  const parent = dirname(path);
  if (link !== undefined) return follow(isAbsolute(link) ? link : `${parent}/${link}`, links + 1);
  return parent === path ? path : join(await follow(parent, links + 1), basename(path));
}

function foldersOf(path: string): string[] {
  const folder = dirname(path);
  return folder === path ? [] : [folder, ...foldersOf(folder)];
}

async function identityOf(path: string): Promise<string | undefined> {
  const found = await files.stat(path, { bigint: true }).catch(() => undefined);
  return found && `${found.dev}:${found.ino}`;
}

async function namesBelow(folder: string, depth: number): Promise<string[]> {
  const found = await files.readdir(folder, { withFileTypes: true }).catch(() => []);
  const names = found.map(async (entry) => {
    const path = join(folder, entry.name);
    if (entry.isSocket()) return [path];
    return entry.isDirectory() && depth > 0 ? namesBelow(path, depth - 1) : [];
  });
  return (await Promise.all(names)).flat();
}
