/**
 * Starts a program of this installation: a bundle in dist/ (build.mjs makes them), and beside it its code
 * cache, which is what V8 compiled of the bundle before. Most of a program's start would else be compiling.
 *
 * A code cache is code. So it is used only where nobody can have written it who could not have written the
 * bundle as well: it, and the folder of both, belong to the bundle's owner, and nobody else may write to them.
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
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Script } from "node:vm";

/** A cache begins with what it belongs to; a multiple of 8, as V8 would copy what is not aligned. */
const HEADER = 256;

/** @param program its name in build.mjs */
export function start(program: string): void {
  const bundle = join(import.meta.dirname, `${program}.bundle.js`);
  run(bundle, load(bundle));
}

/** Compiles a bundle, or takes what was compiled before. */
export function load(bundle: string): Script {
  const source = readFileSync(bundle, "latin1"); // esbuild writes nothing but ASCII
  const cachedData = readCache(bundle, source);
  return new Script(source, { filename: bundle, ...(cachedData && { cachedData }) });
}

/** As Node runs a CommonJS module. A bundle has no import() of its own: in node:vm that is experimental. */
export function run(bundle: string, script: Script): void {
  script.runInThisContext()(createRequire(bundle), (name: string) => import(name), dirname(bundle));
}

/** For the build alone: a program writes nothing here. */
export function keepCache(bundle: string, code: Buffer): void {
  const header = Buffer.from(headerOf(readFileSync(bundle, "latin1")));
  writeFileSync(cacheOf(bundle), Buffer.concat([header, code]), { flag: "wx", mode: 0o644 });
}

/** The bundle's first line, which is its digest (of the source V8 looks at the length alone), and this Node. */
function headerOf(source: string): string {
  const { size, mtimeMs } = statSync(process.execPath);
  const node = [process.version, process.versions.v8, process.arch, size, mtimeMs];
  return `${source.slice(0, source.indexOf("\n"))} ${node.join(" ")}`.slice(0, HEADER).padEnd(HEADER);
}

function cacheOf(bundle: string): string {
  return `${bundle}.cache`;
}

/** Undefined if there is none, if it is another's, or if somebody else may have written it. */
function readCache(bundle: string, source: string): Buffer | undefined {
  let descriptor: number | undefined;
  try {
    const { uid: owner } = lstatSync(bundle);
    descriptor = openSync(cacheOf(bundle), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const found = fstatSync(descriptor);
    if (!found.isFile() || !isOwners(found, owner) || !isOwners(lstatSync(dirname(bundle)), owner)) return;
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
