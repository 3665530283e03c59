import { spawn } from "node:child_process";
import {
  chmodSync,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ended } from "../../lab/lab.ts";
import type { AuditEvent } from "../../src/audit/event.ts";
import { AuditLog, type OpenLog } from "../../src/audit/log.ts";
import { openRegular } from "../../src/platform/files/regular-file.ts";
import { makeFifo } from "../../src/platform/libc/descriptors.ts";
import { bundled } from "../support/bundled.ts";
import { folder, log, path, useOwnLog } from "./own-log.ts";

const module = bundled("src/audit/log.ts");
useOwnLog();

function event(id: string): AuditEvent {
  return { time: "2026-11-22T10:00:00.000Z", id, kind: "sign", decision: "deny", by: "default" };
}

/** Whatever it is. */
const openAny: OpenLog = (path, flags) => {
  const fd = openSync(path, flags);
  return { fd, stats: fstatSync(fd) };
};

function writeOpenly(path: string): void {
  writeFileSync(path, "");
  chmodSync(path, 0o666);
}

function ids(file = path): string[] {
  const lines = readFileSync(file, "utf8").split("\n");
  expect(lines.pop()).toBe("");
  return lines.map((line) => JSON.parse(line).id);
}

describe("the log", () => {
  it("holds an entry as one line of JSON as soon as it is appended", () => {
    const hostile = { ...event("a"), reason: "two\nlines \u2028 and \x1b[31m" };
    log.append(hostile);
    expect(readFileSync(path, "utf8").split("\n")).toHaveLength(2);
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({ ...hostile, seq: 1, prev: "0".repeat(64) });
  });

  it("survives the end of a process that appends and kills itself", async () => {
    const script = `const { AuditLog } = await import(process.argv[1]);
      const { openRegular } = await import(process.argv[2]);
      new AuditLog(process.argv[3], openRegular).append(${JSON.stringify(event("last"))});
      process.kill(process.pid, "SIGKILL");`;
    const modules = [module, bundled("src/platform/files/regular-file.ts")];
    const child = spawn(process.execPath, ["--input-type=module", "-e", script, ...modules, path]);
    await ended(child);
    expect(child.signalCode).toBe("SIGKILL");
    expect(ids()).toEqual(["last"]);
  });

  it("belongs to its owner alone, whatever the umask is", () => {
    const before = process.umask(0);
    try {
      log.append(event("a"));
    } finally {
      process.umask(before);
    }
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("keeps what is there, and the entries of several guards apart", () => {
    const other = new AuditLog(path, openRegular, () => true);
    for (const id of ["a", "b", "c", "d"]) (id < "c" ? log : other).append(event(id));
    log.append(event("e"));
    other.close();
    expect(ids()).toEqual(["a", "b", "c", "d", "e"]);
  });

  it("goes on in a new file when the old one was renamed", () => {
    log.append(event("a"));
    renameSync(path, `${path}.1`);
    log.append(event("b"));
    expect([ids(`${path}.1`), ids()]).toEqual([["a"], ["b"]]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("goes on in the file that took the old one's place", () => {
    log.append(event("a"));
    renameSync(path, `${path}.1`);
    writeFileSync(path, "", { mode: 0o600 });
    log.append(event("b"));
    expect(ids()).toEqual(["b"]);
  });

  it("goes on in a new file when the old one was removed", () => {
    log.append(event("a"));
    rmSync(path);
    log.append(event("b"));
    expect(ids()).toEqual(["b"]);
  });

  it("goes on at the beginning when the file was emptied", () => {
    log.append(event("a"));
    truncateSync(path);
    log.append(event("b"));
    expect(ids()).toEqual(["b"]);
  });

  it("begins a new line behind one that was cut off", () => {
    writeFileSync(path, '{"id":"cut', { mode: 0o600 });
    log.append(event("a"));
    log.append(event("b"));
    expect(
      readFileSync(path, "utf8")
        .split("\n")
        .slice(1, -1)
        .map((line) => JSON.parse(line).id),
    ).toEqual(["a", "b"]);
  });

  it("goes on after it was closed", () => {
    log.append(event("a"));
    log.close();
    log.append(event("b"));
    expect(ids()).toEqual(["a", "b"]);
  });

  it.each<[string, () => string, string, OpenLog]>([
    ["the disk is full", () => "/dev/full", "ENOSPC", openAny],
    ["the folder is missing", () => join(folder, "missing/log.jsonl"), "ENOENT", openRegular],
    ["a folder is in the way", () => folder, "EISDIR", openRegular],
    ["it is a device", () => "/dev/null", "/dev/null: it is no regular file", openRegular],
  ])("says so when %s", (_, file, said, open) => {
    const broken = new AuditLog(file(), open);
    expect(() => broken.append(event("a"))).toThrow(said);
    broken.close();
  });

  it.each<[string, () => void, string]>([
    ["a link", () => symlinkSync("/dev/null", path), "it is a link"],
    ["a link to the file itself", () => symlinkSync(`${path}.1`, path), "it is a link"],
    ["a FIFO", () => makeFifo(path), "it is no regular file"],
    ["a file that others may write to", () => writeOpenly(path), "others may write to it"],
  ])("takes no entry any more where it was replaced by %s", (_, replace, said) => {
    log.append(event("a"));
    renameSync(path, `${path}.1`);
    replace();
    expect(() => log.append(event("b"))).toThrow(`${path}: ${said}`);
    rmSync(path);
    log.append(event("c"));
    expect([ids(`${path}.1`), ids()]).toEqual([["a"], ["c"]]);
  });
});
