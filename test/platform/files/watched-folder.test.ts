/** A watched folder: real ones, and a system that fails handed in. */
import { EventEmitter } from "node:events";
import {
  chmodSync,
  type FSWatcher,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  watch,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FolderEdges, WatchedFolder } from "../../../src/platform/files/watched-folder.ts";
import { eventually } from "../../support/mux-guard.ts";

let root: string;
let folder: string;
let watched: WatchedFolder | undefined;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "mg-")));
  folder = join(root, "parent", "folder");
  mkdirSync(folder, { recursive: true });
});

afterEach(() => {
  watched?.close();
  chmodSync(root, 0o700);
  rmSync(root, { recursive: true, force: true });
});

interface Seen {
  /** The names each time that everything was looked at. */
  looks: string[][];
  changed: string[];
  failed: string[];
}

async function start(
  edges: Partial<FolderEdges> = {},
  act: (name: string) => void = () => {},
): Promise<Seen> {
  const seen: Seen = { looks: [], changed: [], failed: [] };
  const events = {
    found: (names: string[]) => {
      seen.looks.push(names.sort());
      names.forEach(act);
    },
    changed: async (name: string) => {
      seen.changed.push(name);
      act(name);
    },
    failed: (reason: string) => void seen.failed.push(reason),
  };
  const system = { watch, readdir: (path: string) => readdirSync(path), retryAfter: 60_000 };
  watched = new WatchedFolder(folder, events, { ...system, ...edges });
  await watched.start();
  return seen;
}

/** Whether a file that is made there now is told of, by its name or by a look. */
async function isWatched({ looks, changed }: Seen, name: string): Promise<void> {
  writeFileSync(join(folder, name), "");
  await eventually(() => changed.includes(name) || (looks.at(-1)?.includes(name) ?? false));
}

describe("a watched folder", () => {
  it("is looked at once it is watched, and tells of what comes", async () => {
    writeFileSync(join(folder, "there"), "");
    const seen = await start();
    expect(seen.looks).toEqual([["there"]]);
    await isWatched(seen, "comes");
    expect(seen.failed).toEqual([]);
  });

  it("that is removed and made anew is watched again, and what is in it is looked at", async () => {
    const seen = await start();
    for (let round = 0; round < 5; round++) {
      rmSync(folder, { recursive: true });
      mkdirSync(folder);
      writeFileSync(join(folder, `early-${round}`), "");
      await eventually(() => seen.looks.at(-1)?.includes(`early-${round}`) ?? false);
      await isWatched(seen, `late-${round}`);
    }
    expect(seen.failed).toEqual([]);
  });

  it("that does not exist yet is watched when it comes, with all above it", async () => {
    rmSync(join(root, "parent"), { recursive: true });
    const seen = await start();
    expect(seen.looks).toEqual([[]]);
    mkdirSync(folder, { recursive: true });
    await isWatched(seen, "comes");
  });

  it("is followed when its parent is replaced, and no longer under its old name", async () => {
    const seen = await start();
    renameSync(join(root, "parent"), join(root, "old"));
    mkdirSync(folder, { recursive: true });
    await isWatched(seen, "new");
    writeFileSync(join(root, "old", "folder", "stray"), "");
    await isWatched(seen, "newer");
    expect(seen.changed).not.toContain("stray");
  });

  it("is followed when a link on its way leads elsewhere, and when what it leads to is replaced", async () => {
    mkdirSync(join(root, "a"));
    mkdirSync(join(root, "b"));
    rmSync(folder, { recursive: true });
    symlinkSync(join(root, "a"), folder);
    const seen = await start();
    await isWatched(seen, "in-a");
    rmSync(folder);
    symlinkSync(join(root, "b"), folder);
    await isWatched(seen, "in-b");
    rmSync(join(root, "b"), { recursive: true });
    mkdirSync(join(root, "b"));
    await isWatched(seen, "in-the-new-b");
  });

  it("is looked at again when its mode has changed: it may be read again, or be closed to others", async () => {
    writeFileSync(join(folder, "there"), "");
    const seen = await start();
    chmodSync(folder, 0o600);
    await eventually(() => seen.looks.length === 2);
    chmodSync(folder, 0o700);
    await eventually(() => seen.looks.length === 3);
    expect(seen.looks.at(-1)).toEqual(["there"]);
  });

  it("is still after close()", async () => {
    const seen = await start();
    watched?.close();
    writeFileSync(join(folder, "late"), "");
    rmSync(folder, { recursive: true });
    for (let turns = 0; turns < 50; turns++) await new Promise(setImmediate);
    expect(seen).toEqual({ looks: [[]], changed: [], failed: [] });
  });
});

describe("what goes wrong in a watched folder", () => {
  const refused = (code: string): Error => Object.assign(new Error(`${code}: not here`), { code });

  it("is told of once, whoever throws it, until a look went well", async () => {
    let isBroken = true;
    const seen = await start({}, () => {
      if (isBroken) throw refused("EACCES");
    });
    for (const name of ["one", "two", "three"]) await isWatched(seen, name);
    expect(seen.failed).toEqual(["EACCES: not here"]);
    isBroken = false;
    chmodSync(folder, 0o750);
    await eventually(() => seen.looks.length === 2);
    isBroken = true;
    await isWatched(seen, "four");
    await eventually(() => seen.failed.length === 2);
  });

  it("is told of where the folder can't be read, which is looked at again when it can", async () => {
    let isClosed = true;
    const readdir = (path: string): string[] => {
      if (isClosed) throw refused("EACCES");
      return readdirSync(path);
    };
    const seen = await start({ readdir });
    expect(seen.failed).toEqual(["EACCES: not here"]);
    isClosed = false;
    writeFileSync(join(folder, "there"), "");
    chmodSync(folder, 0o750);
    await eventually(() => seen.looks.at(-1)?.includes("there") ?? false);
  });

  it("does not end the watch: too many watches are told of once, and tried again", async () => {
    let isFull = true;
    const seen = await start({
      retryAfter: 1,
      watch: (path, listener) => {
        if (isFull) throw refused("ENOSPC");
        return watch(path, listener);
      },
    });
    await eventually(() => seen.looks.length > 3); // it is looked at all the same
    expect(seen.failed).toEqual([`${folder} is only looked at now and then: ENOSPC: not here`]);
    isFull = false;
    await isWatched(seen, "comes");
  });

  it("is a watcher's own error, too", async () => {
    const watchers: FSWatcher[] = [];
    const seen = await start({
      retryAfter: 1,
      watch: () => {
        const watcher = Object.assign(new EventEmitter(), { close: () => {} }) as unknown as FSWatcher;
        watchers.push(watcher);
        return watcher;
      },
    });
    watchers[0]?.emit("error", refused("EIO"));
    expect(seen.failed).toEqual([`${folder} is only looked at now and then: EIO: not here`]);
    await eventually(() => seen.looks.length > 1);
  });

  it("is nothing where folders above it can't be watched: who may not read them replaces nothing", async () => {
    const seen = await start({
      watch: (path, listener) => {
        if (path !== folder) throw refused("EACCES");
        return watch(path, listener);
      },
    });
    await isWatched(seen, "comes");
    expect(seen.failed).toEqual([]);
  });
});
