import {
  chmodSync,
  closeSync,
  constants,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileFault, openRegular, readRegularFile } from "../../../src/platform/files/regular-file.ts";
import { makeFifo } from "../../../src/platform/libc/descriptors.ts";

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mg-"));
  path = join(folder, "file");
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(file: string, mode = 0o600): void {
  writeFileSync(file, "text");
  chmodSync(file, mode);
}

function descriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

describe("a file", () => {
  it("is read as a whole, and closed", () => {
    write(path, 0o644);
    const before = descriptors();
    expect(readRegularFile(path)).toBe("text");
    expect(descriptors()).toBe(before);
  });

  it("is made for its owner alone", () => {
    const { fd, stats } = openRegular(path, constants.O_RDWR | constants.O_CREAT);
    closeSync(fd);
    expect(stats.mode & 0o777).toBe(0o600);
  });

  it("is not there", () => {
    expect(() => readRegularFile(path)).toThrow("ENOENT");
  });

  it.each([0o620, 0o602])("is refused where others may write to it: %o", (mode) => {
    write(path, mode);
    const before = descriptors();
    expect(() => readRegularFile(path)).toThrow(`${path}: others may write to it; chmod go-w ${path}`);
    expect(descriptors()).toBe(before);
  });
});

describe("what is no file is refused", () => {
  const { O_RDONLY, O_WRONLY, O_RDWR } = constants;

  it.each([
    ["reading", O_RDONLY],
    ["writing", O_WRONLY],
    ["both", O_RDWR],
  ])("a FIFO that nobody else has open, at once, for %s", (_, flags) => {
    makeFifo(path);
    expect(() => openRegular(path, flags)).toThrow(
      new FileFault(`${path}: it is no regular file; remove it`),
    );
  });

  it("a folder and a device", () => {
    for (const other of [folder, "/dev/null"])
      expect(() => readRegularFile(other)).toThrow(`${other}: it is no regular file`);
  });

  it("a socket", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(path, resolve));
    expect(() => readRegularFile(path)).toThrow(`${path}: it is no regular file`);
    server.close();
  });
});

describe("a link", () => {
  it("is refused", () => {
    write(`${path}.1`);
    symlinkSync(`${path}.1`, path);
    expect(() => readRegularFile(path)).toThrow(`${path}: it is a link; remove it`);
  });

  it("is followed where that is asked for, and what it leads to is looked at", () => {
    write(`${path}.1`);
    symlinkSync(`${path}.1`, path);
    expect(readRegularFile(path, "followed")).toBe("text");
    chmodSync(`${path}.1`, 0o666);
    expect(() => readRegularFile(path, "followed")).toThrow("others may write to it");
    rmSync(`${path}.1`);
    makeFifo(`${path}.1`);
    expect(() => readRegularFile(path, "followed")).toThrow("it is no regular file");
  });
});
