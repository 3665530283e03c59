/**
 * Starts a program of this installation: packs of code in dist/ (build.mjs makes them), and beside each its code
 * cache, which is what V8 compiled of the pack before. Most of a program's start would else be compiling.
 *
 * A code cache is code. So it is used only where nobody can have written it who could not have written the
 * pack as well: it, and the folder of both, belong to the pack's owner, and nobody else may write to them.
 *
 * It is used by the very Node that made it, and by no other: V8 looks at its own version and flags, but takes a
 * cache of Node 20.20 in Node 20.17, and crashes (tried). Without a cache the program just compiles.
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { Script } from "node:vm";

/** A cache begins with what it belongs to; a multiple of 8, as V8 would copy what is not aligned. */
const HEADER = 256;

/** The script of a pack gives these: each is run once, when it is first needed, and returns what it exports. */
type Chunk = () => unknown;

/**
 * @param program its name in build.mjs
 * @param require of who starts it: to make one takes longer than all that is done here
 */
export function start(program: string, require: NodeJS.Require): void {
  runProgram(program, require, load);
}

/** @param loadPack given the path of a pack: the first one at once, others when a chunk of theirs is needed */
export function runProgram(
  program: string,
  require: NodeJS.Require,
  loadPack: (path: string) => Script,
): void {
  const folder = import.meta.dirname;
  // in node:vm an import() of its own would be experimental
  const importPackage = (name: string): Promise<unknown> => import(name);
  const packs: { chunks: Chunk[]; exported: unknown[] }[] = [];
  const open = (number: number): { chunks: Chunk[]; exported: unknown[] } => {
    const script = loadPack(packPath(folder, program, number));
    return { chunks: script.runInThisContext()(require, importPackage, chunk, folder), exported: [] };
  };
  function chunk(number: number, at: number): unknown {
    packs[number] ??= open(number);
    const { chunks, exported } = packs[number];
    if (!(at in exported)) exported[at] = chunks[at]?.();
    return exported[at];
  }
  chunk(0, 0);
}

/** Where the packs of a program are. */
export function packPath(folder: string, program: string, number: number): string {
  return join(folder, `${number === 0 ? program : `${program}-${number}`}.bundle.js`);
}

/** Compiles a pack, or takes what was compiled before. */
export function load(pack: string): Script {
  const source = readFileSync(pack, "latin1"); // esbuild writes nothing but ASCII
  const cachedData = readCache(pack, source);
  return new Script(source, { filename: pack, ...(cachedData && { cachedData }) });
}

/** For the build alone: a program writes nothing here. */
export function keepCache(pack: string, code: Buffer): void {
  const header = Buffer.from(headerOf(readFileSync(pack, "latin1")));
  rmSync(cacheOf(pack), { force: true });
  writeFileSync(cacheOf(pack), Buffer.concat([header, code]), { flag: "wx", mode: 0o644 });
}

/** The pack's first line, which is its digest (of the source V8 looks at the length alone), and this Node. */
function headerOf(source: string): string {
  const { size, mtimeMs } = statSync(process.execPath);
  const node = [process.version, process.versions.v8, process.arch, size, mtimeMs];
  return `${source.slice(0, source.indexOf("\n"))} ${node.join(" ")}`.slice(0, HEADER).padEnd(HEADER);
}

function cacheOf(pack: string): string {
  return `${pack}.cache`;
}

/** Undefined if there is none, if it is another's, or if somebody else may have written it. */
function readCache(pack: string, source: string): Buffer | undefined {
  let descriptor: number | undefined;
  try {
    const { uid: owner } = lstatSync(pack);
    descriptor = openSync(cacheOf(pack), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const found = fstatSync(descriptor);
    if (!found.isFile() || !isOwners(found, owner) || !isOwners(lstatSync(dirname(pack)), owner)) return;
    const content = readFileSync(descriptor);
    return content.toString("latin1", 0, HEADER) === headerOf(source) ? content.subarray(HEADER) : undefined;
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function isOwners({ uid, mode }: Stats, owner: number): boolean {
  return uid === owner && (mode & 0o022) === 0;
}
