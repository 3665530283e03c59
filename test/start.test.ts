/**
 * The start of a program from its packs and their code caches. A cache is code: what somebody else may have
 * written is not run, and what does not fit is compiled anew.
 */
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { makeFifo } from "../src/platform/libc/descriptors.ts";
import { keepCache, load, packPath } from "../src/start.ts";
import { bundled } from "./support/bundled.ts";

const HEADER = 256;
/** Of chunks, each the body of a function. */
const packWith = (...chunks: string[]): string => {
  const functions = chunks.map((body) => `function () {\n${body}\n}`);
  return `//${"0".repeat(64)}\n(function (require, importPackage, chunk, __dirname) { return [${functions}]; })`;
};

describe("a pack", () => {
  let folder: string;
  let pack: string;
  let cache: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "mg-start-"));
    pack = join(folder, "program.bundle.js");
    cache = `${pack}.cache`;
    write(pack, packWith('globalThis.said = "as compiled from the pack";'));
    // told apart from the pack: code of the same length that says something else
    const other = join(folder, "other.bundle.js");
    write(other, packWith('globalThis.said = "as it was in the cache...";'));
    const script = load(other);
    script.runInThisContext()()[0]();
    keepCache(pack, script.createCachedData());
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const write = (path: string, content: string | Buffer): void =>
    writeFileSync(path, content, { mode: 0o644 });

  /** Runs the pack, and returns what it said. */
  function run(): unknown {
    const script = load(pack);
    Reflect.deleteProperty(globalThis, "said");
    script.runInThisContext()()[0]();
    return Reflect.get(globalThis, "said");
  }

  const compiled = "as compiled from the pack";
  const cached = "as it was in the cache...";

  it("is taken from its code cache", () => {
    expect(run()).toBe(cached);
  });

  it.each([
    ["there is no cache", () => rmSync(cache)],
    ["the cache is empty", () => truncateSync(cache, 0)],
    ["the cache ends in its first line", () => truncateSync(cache, 40)],
    ["the cache ends before its code", () => truncateSync(cache, HEADER)],
    ["the cache is cut short", () => truncateSync(cache, readFileSync(cache).length - 8)],
    ["the cache is that of another pack", () => change((content) => content.write("//1"))],
    ["another version of Node made the cache", () => edit(process.version, "v20.17.0")],
    ["another build of the same version made it", () => edit(`${statSync(process.execPath).size}`, "1")],
    ["the cache is that of another version of V8", () => change((content) => flip(content, HEADER + 4))],
    ["the cache was made under other flags", () => change((content) => flip(content, HEADER + 12))],
    ["the group may write to the cache", () => chmodSync(cache, 0o664)],
    ["anybody may write to the cache", () => chmodSync(cache, 0o646)],
    ["the group may write to the folder", () => chmodSync(folder, 0o770)],
    ["anybody may write to the folder, and be it sticky", () => chmodSync(folder, 0o1777)],
    ["the cache is a link", () => linkTo("elsewhere")],
    ["the cache is a folder", () => instead((path) => mkdirSync(path))],
    ["the cache is a FIFO that nobody writes to", () => instead(makeFifo)],
  ])("is compiled where %s", (_, spoil) => {
    spoil();
    expect(run()).toBe(compiled);
  });

  it.runIf(process.getuid?.() === 0).each([
    ["the cache", () => chownSync(cache, 65534, 65534)],
    ["the folder", () => chownSync(folder, 65534, 65534)],
    ["the pack alone", () => chownSync(pack, 65534, 65534)],
  ])("is compiled where another user owns %s", (_, give) => {
    give();
    expect(run()).toBe(compiled);
  });

  const change = (spoil: (content: Buffer) => void): void => {
    const content = readFileSync(cache);
    spoil(content);
    writeFileSync(cache, content);
  };
  /** Another text in what the cache begins with. */
  const edit = (text: string, other: string): void =>
    change((content) => {
      const header = content.toString("latin1", 0, HEADER);
      expect(header).toContain(text);
      content.write(header.replace(text, other.padEnd(text.length)).slice(0, HEADER), "latin1");
    });
  const flip = (content: Buffer, at: number): void =>
    void content.writeUInt8(content.readUInt8(at) ^ 0xff, at);
  const instead = (make: (path: string) => void): void => {
    rmSync(cache);
    make(cache);
  };
  const linkTo = (name: string): void => {
    renameSync(cache, join(folder, name));
    symlinkSync(join(folder, name), cache);
  };
});

const startModule = bundled("src/start.ts");

describe("a program", () => {
  let folder: string;
  const pack = (number: number): string => packPath(join(folder, "dist"), "p", number);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "mg-start-"));
    for (const name of ["dist", "node_modules/esm"]) mkdirSync(join(folder, name), { recursive: true });
    copyFileSync(fileURLToPath(startModule), join(folder, "dist/start.mjs"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function start(): { stdout: string; stderr: string } {
    const text = `import { createRequire } from "node:module";
      import { start } from "${folder}/dist/start.mjs";
      start("p", createRequire("${folder}/dist/p"));`;
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", text], {
      encoding: "utf8",
    });
    return { stdout, stderr };
  }

  it("runs each chunk once, when it is first needed", () => {
    const first = "console.log(chunk(0, 1).one, chunk(0, 1).one);";
    writeFileSync(
      pack(0),
      packWith(first, 'console.log("run"); return { one: 1 };', 'console.log("never");'),
    );
    expect(start()).toEqual({ stdout: "run\n1 1\n", stderr: "" });
  });

  it("reads a pack when a chunk of it is needed", () => {
    writeFileSync(pack(0), packWith('console.log("first"); console.log(chunk(1, 0).second);'));
    writeFileSync(pack(1), packWith('return { second: "second" };'));
    writeFileSync(pack(2), "this is never read");
    expect(start()).toEqual({ stdout: "first\nsecond\n", stderr: "" });
  });

  it("may import an ES module, as of a package that is nothing else", () => {
    writeFileSync(join(folder, "node_modules/esm/package.json"), '{ "type": "module", "exports": "./x.js" }');
    writeFileSync(join(folder, "node_modules/esm/x.js"), "export default await Promise.resolve(42);");
    writeFileSync(
      pack(0),
      packWith('importPackage("esm").then((esm) => console.log(esm.default, __dirname));'),
    );
    expect(start()).toEqual({ stdout: `42 ${folder}/dist\n`, stderr: "" });
  });
});

const dist = join(import.meta.dirname, "../dist");

test("the programs as they were built are taken from their caches", () => {
  const packs = readdirSync(dist).filter((name) => name.endsWith(".cache"));
  expect(packs.length).toBeGreaterThan(5);
  for (const name of packs) {
    const pack = join(dist, name.replace(".cache", ""));
    const script = `import { load } from "${startModule}"; console.log(load("${pack}").cachedDataRejected);`;
    const said = execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
    expect({ name, said }).toEqual({ name, said: "false\n" });
  }
});

test("no chunk of a program is in two of its packs", () => {
  for (const program of ["muxguard", "muxguard-askpass"]) {
    const packs = readdirSync(dist).filter((name) =>
      new RegExp(`^${program}(?:-\\d)?\\.bundle\\.js$`).test(name),
    );
    const chunks = packs.flatMap((name) =>
      [...readFileSync(join(dist, name), "utf8").matchAll(/^\/\/ [\w-]+-[A-Z0-9]{8}\.js$/gm)].map(
        ([line]) => line,
      ),
    );
    expect(chunks.length).toBeGreaterThan(30);
    expect(chunks).toEqual([...new Set(chunks)]);
  }
});
