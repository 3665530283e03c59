/**
 * Which paths lead to a socket of the guard's. A forward to one of them would make a shared connection, which
 * is outside of every run, the client that approves, signs or goes on from there.
 *
 * A path is followed as the kernel would, and what it leads to is compared by device and inode: links, mounts
 * and second names don't hide it. A link may lead elsewhere a moment later: so whoever serves the guard's
 * sockets looks at its clients, too.
 *
 * Limits: two looks at a time, 2 seconds for each, its turn included. A file system may give no answer (FUSE),
 * and holds one of libuv's threads then, of which there are four: a look that hangs keeps its place.
 */
import { promises as files } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import type { Target } from "../guard/mux/parts.ts";
import { followPath, LeadsByProc } from "../platform/files/follow-path.ts";
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

/** The limit is for one look, in milliseconds. */
const edges = { limit: 2_000, follow: followPath };
const MAX_LOOKS = 2;
const UNKNOWN: Target = { refused: "nobody can say where this path leads" };

export class Targets {
  readonly #own: OwnPlaces;
  readonly #edges: typeof edges;
  /** How many look, those that hang included. */
  #looking = 0;
  readonly #waiting = new Set<() => void>();

  /** @param seen handed in by tests */
  constructor(own: OwnPlaces, seen = edges) {
    this.#own = own;
    this.#edges = seen;
  }

  /**
   * Where a path leads. Never rejects.
   * @param folder against which one that is not absolute counts
   */
  find(path: string, folder: string | undefined): Promise<Target> {
    if (!isAbsolute(path) && folder === undefined) return Promise.resolve(UNKNOWN);
    const whole = isAbsolute(path) ? path : `${folder}/${path}`;
    return new Promise((resolve) => {
      const begin = (): void => {
        this.#waiting.delete(begin);
        void this.#lookInTurn(whole).then((target) => {
          clearTimeout(timer);
          resolve(target);
        });
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(begin); // nobody waits for it any more
        resolve({ refused: "the path gives no answer" });
      }, this.#edges.limit);
      if (this.#looking < MAX_LOOKS) begin();
      else this.#waiting.add(begin);
    });
  }

  /** Never rejects. */
  async #lookInTurn(path: string): Promise<Target> {
    this.#looking++;
    try {
      return await this.#look(path);
    } catch (error) {
      // on this machine it may lead to one of the guard's own, whoever follows it
      return error instanceof LeadsByProc ? { refused: error.message, isOwn: true } : UNKNOWN;
    } finally {
      this.#looking--;
      for (const begin of [...this.#waiting].slice(0, 1)) begin();
    }
  }

  async #look(path: string): Promise<Target> {
    const real = await this.#edges.follow(path);
    const places: (string | undefined)[] = [];
    // one after the other: what gives no answer holds one thread, and not all
    for (const place of [...foldersOf(real), real]) places.push(await identityOf(place));
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
