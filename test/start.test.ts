/**
 * The start of a program from its bundle and its code cache. The cache is code: what somebody else may have
 * written is not run, and what does not fit is compiled anew.
 */
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
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
import { keepCache, load } from "../src/start.ts";
import { bundled } from "./support/bundled.ts";

const HEADER = 256;
const bundleWith = (body: string): string =>
  `//${"0".repeat(64)}\n(function (require, importPackage, __dirname) {\n${body}\n})`;

describe("a program", () => {
  let folder: string;
  let bundle: string;
  let cache: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "mg-start-"));
    bundle = join(folder, "program.bundle.js");
    cache = `${bundle}.cache`;
    write(bundle, bundleWith('globalThis.said = "as compiled from the bundle";'));
    // told apart from the bundle: code of the same length that says something else
    const other = join(folder, "other.bundle.js");
    write(other, bundleWith('globalThis.said = "as it was in its code cache";'));
    const script = load(other);
    script.runInThisContext()();
    keepCache(bundle, script.createCachedData());
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const write = (path: string, content: string | Buffer): void =>
    writeFileSync(path, content, { mode: 0o644 });

  /** Runs the bundle, and returns what it said. */
  function run(): unknown {
    const script = load(bundle);
    Reflect.deleteProperty(globalThis, "said");
    script.runInThisContext()();
    return Reflect.get(globalThis, "said");
  }

  const compiled = "as compiled from the bundle";
  const cached = "as it was in its code cache";

  it("is taken from its code cache", () => {
    expect(run()).toBe(cached);
  });

  it.each([
    ["there is no cache", () => rmSync(cache)],
    ["the cache is empty", () => truncateSync(cache, 0)],
    ["the cache ends in its first line", () => truncateSync(cache, 40)],
    ["the cache ends before its code", () => truncateSync(cache, HEADER)],
    ["the cache is cut short", () => truncateSync(cache, readFileSync(cache).length - 8)],
    ["the cache is that of another bundle", () => change((content) => content.write("//1"))],
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
    ["the bundle alone", () => chownSync(bundle, 65534, 65534)],
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

test("a bundle may import an ES module, as of a package that is nothing else", () => {
  const folder = mkdtempSync(join(tmpdir(), "mg-start-"));
  try {
    const bundle = join(folder, "dist/p.bundle.js");
    for (const name of ["dist", "node_modules/esm"]) mkdirSync(join(folder, name), { recursive: true });
    copyFileSync(fileURLToPath(startModule), join(folder, "dist/start.mjs"));
    writeFileSync(join(folder, "node_modules/esm/package.json"), '{ "type": "module", "exports": "./x.js" }');
    writeFileSync(join(folder, "node_modules/esm/x.js"), "export default await Promise.resolve(42);");
    writeFileSync(
      bundle,
      bundleWith('importPackage("esm").then((esm) => console.log(esm.default, __dirname));'),
    );
    const script = `import { start } from "${folder}/dist/start.mjs"; start("p");`;
    const child = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
    expect(child).toMatchObject({ stdout: `42 ${folder}/dist\n`, stderr: "" });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("the programs as they were built are taken from their caches", () => {
  const dist = join(import.meta.dirname, "../dist");
  for (const program of ["muxguard", "muxguard-askpass", "muxguard-ride"]) {
    const bundle = join(dist, `${program}.bundle.js`);
    expect(existsSync(`${bundle}.cache`)).toBe(true);
    const script = `import { load } from "${startModule}"; console.log(load("${bundle}").cachedDataRejected);`;
    const said = execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
    expect(said).toBe("false\n");
  }
});
