import { chmodSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { KnownHostsFiles } from "../../../src/identity/hosts/known-hosts-files.ts";
import { makeFolder } from "../../peer/identity/keys.ts";

const folder = makeFolder();
const line = (name: string): string =>
  `${name} ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDqzqkxK9oZx5jCyaSfI0PCwBWn1T5/LxjceBcXSx7MC\n`;
const namesOf = (files: KnownHostsFiles, path: string): string[] =>
  files.read(path).flatMap(({ hosts }) => ("patterns" in hosts ? hosts.patterns : []));

describe("KnownHostsFiles", () => {
  it("gives the same list until the file changes", () => {
    const path = join(folder, "rewritten");
    const files = new KnownHostsFiles();
    writeFileSync(path, line("aa"));
    const first = files.read(path);
    expect(files.read(path)).toBe(first);
    writeFileSync(path, line("bb"));
    utimesSync(path, 1, 1);
    expect(namesOf(files, path)).toEqual(["bb"]);
  });

  it("sees a file that takes another's place with the same size and time", () => {
    const path = join(folder, "replaced");
    const files = new KnownHostsFiles();
    for (const name of ["aa", "bb"]) {
      writeFileSync(`${path}.new`, line(name));
      utimesSync(`${path}.new`, 1, 1);
      renameSync(`${path}.new`, path);
      expect(namesOf(files, path)).toEqual([name]);
    }
  });

  it("reads a missing file as empty, and sees it come and go", () => {
    const path = join(folder, "missing");
    const files = new KnownHostsFiles();
    expect(files.read(path)).toEqual([]);
    writeFileSync(path, line("aa"));
    expect(namesOf(files, path)).toEqual(["aa"]);
    rmSync(path);
    expect(files.read(path)).toEqual([]);
  });

  it("reads what is no file as empty", () => {
    const path = join(folder, "a-folder");
    mkdirSync(path);
    const files = new KnownHostsFiles();
    expect(files.read(path)).toEqual([]);
    expect(files.read("/dev/null")).toEqual([]);
    expect(files.read(join(path, "x".repeat(300)))).toEqual([]);
  });

  it.skipIf(process.getuid?.() === 0)("reads a file without permission as empty", () => {
    const path = join(folder, "forbidden");
    writeFileSync(path, line("aa"));
    chmodSync(path, 0);
    expect(new KnownHostsFiles().read(path)).toEqual([]);
  });
});
