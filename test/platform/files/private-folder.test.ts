import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ensurePrivateFolder } from "../../../src/platform/files/private-folder.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mg-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("a private folder", () => {
  it("is made with mode 0700, whatever the umask is", () => {
    for (const umask of [0o000, 0o277]) {
      const path = join(folder, `private-${umask}`);
      const before = process.umask(umask);
      try {
        ensurePrivateFolder(path);
      } finally {
        process.umask(before);
      }
      expect(statSync(path).mode & 0o7777).toBe(0o700);
    }
  });

  it("is made with the folders above it", () => {
    const path = join(folder, "a/b/private");
    ensurePrivateFolder(path);
    expect(statSync(path).mode & 0o7777).toBe(0o700);
    expect(statSync(join(folder, "a")).mode & 0o077).toBe(0);
  });

  it("is taken as it is if it is there", () => {
    const path = join(folder, "private");
    mkdirSync(path, { mode: 0o500 });
    writeFileSync(join(folder, "file"), "");
    ensurePrivateFolder(path);
    expect(statSync(path).mode & 0o7777).toBe(0o500);
  });

  it.each([0o701, 0o710, 0o704, 0o755, 0o1777])("is refused with mode %o", (mode) => {
    const path = join(folder, "open");
    mkdirSync(path);
    chmodSync(path, mode);
    expect(() => ensurePrivateFolder(path)).toThrow(`${path} is open to others; chmod 700 ${path}`);
  });

  it("is refused if it is a link, wherever that leads", () => {
    const target = join(folder, "target");
    mkdirSync(target, { mode: 0o700 });
    for (const [name, leadsTo] of [
      ["link", target],
      ["dangling", join(folder, "nowhere")],
    ] as const) {
      symlinkSync(leadsTo, join(folder, name));
      expect(() => ensurePrivateFolder(join(folder, name))).toThrow(`${join(folder, name)} is not a folder`);
    }
  });

  it("is refused if it is a file", () => {
    const path = join(folder, "file");
    writeFileSync(path, "", { mode: 0o600 });
    expect(() => ensurePrivateFolder(path)).toThrow(`${path} is not a folder`);
  });

  it("is refused if it belongs to another user", () => {
    const isRoot = userInfo().uid === 0;
    const path = isRoot ? join(folder, "theirs") : "/";
    if (isRoot) {
      mkdirSync(path, { mode: 0o700 });
      chownSync(path, 65534, 65534);
    }
    expect(() => ensurePrivateFolder(path)).toThrow(`${path} belongs to another user`);
  });
});
