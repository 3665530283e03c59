/** The chain of the log: what is changed in the file is found, and what several writers do at once is no fault. */
import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, renameSync, truncateSync, writeFileSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import { ended } from "../../lab/lab.ts";
import type { AuditEvent } from "../../src/audit/event.ts";
import { forwards } from "../../src/audit/lines.ts";
import { AuditLog } from "../../src/audit/log.ts";
import { type Verified, Verifier } from "../../src/audit/verify.ts";
import { openRegular } from "../../src/platform/files/regular-file.ts";
import { bundled } from "../support/bundled.ts";
import { log, openLog, path, useOwnLog } from "./own-log.ts";

const module = bundled("src/audit/log.ts");
const opening = bundled("src/platform/files/regular-file.ts");
useOwnLog();

function event(id: string, reason = ""): AuditEvent {
  return { time: "2026-11-22T10:00:00.000Z", id, kind: "sign", decision: "deny", by: "default", reason };
}

function verify(...files: string[]): Verified {
  const verifier = new Verifier();
  for (const file of files.length > 0 ? files : [path]) {
    const fd = openSync(file, "r");
    verifier.nextFile();
    const lines = forwards(fd, 0, 100); // less than a line
    for (let number = 1, next = lines.next(); ; number++, next = lines.next()) {
      if (next.done) verifier.addRest(next.value, number);
      if (next.done) break;
      if (next.value.length > 0) verifier.add(next.value, number);
    }
    closeSync(fd);
  }
  return verifier.result();
}

const lines = (): string[] => readFileSync(path, "utf8").split("\n").slice(0, -1);
const write = (changed: readonly string[]): void =>
  writeFileSync(path, changed.map((one) => `${one}\n`).join(""));
const faults = (): string[] => verify().faults.map(({ line, what }) => `${line} ${what}`);

function append(count: number, to = log): void {
  for (let at = 0; at < count; at++) to.append(event(`e${at}`, `"},"seq":1,"prev":"${"a".repeat(64)}"}`));
}

describe("a log that nobody has changed", () => {
  it("is as it was written", () => {
    append(200);
    expect(verify()).toMatchObject({ entries: 200, without: 0, cutOff: [], faults: [], end: { seq: 200 } });
  });

  it("is that with several writers in turn, and those that begin later", () => {
    const other = new AuditLog(path, openRegular);
    for (let at = 0; at < 20; at++) append(1 + (at % 3), at % 2 ? other : log);
    const third = new AuditLog(path, openRegular);
    append(2, third);
    append(2);
    for (const one of [other, third]) one.close();
    expect(verify()).toMatchObject({ faults: [], entries: 43 });
  });

  it("is that with eight processes at once, whatever they meet", { timeout: 60_000 }, async () => {
    const script = `const { AuditLog } = await import(process.argv[1]);
      const { openRegular } = await import(process.argv[2]);
      const log = new AuditLog(process.argv[3], openRegular);
      for (let at = 0; at < 2000; at++) log.append({ ...${JSON.stringify(event("x"))}, reason: "r".repeat(at % 700) });`;
    const args = ["--input-type=module", "-e", script, module, opening, path];
    const children = Array.from({ length: 8 }, () => spawn(process.execPath, args, { stdio: "inherit" }));
    await Promise.all(children.map((child) => ended(child)));
    const verified = verify();
    expect(verified).toMatchObject({ entries: 16_000, faults: [], cutOff: [], end: { seq: 16_000 } });
    const named = lines().map((line) => line.slice(-66));
    expect(new Set(named).size, "some were written at the same moment").toBeLessThan(16_000);
    const [gone] = named.flatMap((one, at) => (named[at + 1] === one ? [at] : []));
    write(lines().filter((_, at) => at !== gone));
    expect(verify().faults, "one of those is gone").not.toEqual([]);
  });

  it("says how many entries are from before the chain", () => {
    writeFileSync(path, `${JSON.stringify(event("a"))}\n${JSON.stringify(event("b"))}\n`, { mode: 0o600 });
    append(3);
    expect(verify()).toMatchObject({ without: 2, entries: 3, faults: [] });
    write(lines().map((line, at) => (at === 1 ? line.replace('"b"', '"c"') : line)));
    expect(faults()).toEqual(["2 this line was altered, or stands in another's place"]);
  });

  it("may have lines that were cut off, in the middle and at the end", () => {
    append(2);
    const whole = readFileSync(path);
    truncateSync(path, whole.length - 20);
    log.close();
    openLog();
    append(3);
    append(1, new AuditLog(path, openRegular));
    truncateSync(path, readFileSync(path).length - 20);
    expect(verify()).toMatchObject({ cutOff: [2, 6], faults: [], entries: 4 });
    write(lines().map((line, at) => (at === 1 ? line.slice(0, -1) : line)));
    expect(faults()).toEqual([
      "1 this line, or one down to line 3, was altered, or stands in another's place",
    ]);
  });

  it("goes on in a file that took its place, and after it was emptied", () => {
    append(2);
    renameSync(path, `${path}.1`);
    append(2);
    expect(verify(`${path}.1`, path)).toMatchObject({ faults: [], entries: 4, from: { seq: 0 } });
    expect(verify()).toMatchObject({ faults: [], entries: 2, from: { seq: 2 } });
    writeFileSync(`${path}.2`, readFileSync(path));
    truncateSync(path);
    append(1);
    expect(verify(`${path}.1`, `${path}.2`, path)).toMatchObject({ faults: [], entries: 5 });
    expect(verify(`${path}.1`, path).faults).toEqual([{ line: 1, what: "2 entries are missing before it" }]);
  });

  it("may be emptied and filled by another writer meanwhile", () => {
    append(2);
    const other = new AuditLog(path, openRegular);
    truncateSync(path);
    append(9, other);
    append(2);
    other.close();
    expect(verify()).toMatchObject({ faults: [], entries: 11 });
  });
});

describe("what was changed is named by its line", () => {
  beforeEach(() => append(10));
  const swapped = (all: string[]): string[] => [
    ...all.slice(0, 4),
    all[5] ?? "",
    all[4] ?? "",
    ...all.slice(6),
  ];
  const forged = (all: string[]): string => (all[3] ?? "").replace('"e3"', '"no"');

  it.each<[string, (all: string[]) => string[], string[]]>([
    ["altered", (all) => all.with(3, forged(all)), ["4 this line was altered, or stands in another's place"]],
    ["removed", (all) => all.toSpliced(3, 1), ["4 1 entry is missing before it"]],
    ["removed, three of them", (all) => all.toSpliced(3, 3), ["4 3 entries are missing before it"]],
    [
      "put in another's place",
      swapped,
      ["5 1 entry is missing before it", "6 is out of place: it was written further up, or comes twice"],
    ],
    [
      "doubled",
      (all) => all.toSpliced(8, 0, all[1] ?? ""),
      ["8 this line, or one down to line 10, was put in, or comes twice"],
    ],
    [
      "put in with the right hash before it",
      (all) => all.toSpliced(3, 0, forged(all)),
      ["4 this line, or one down to line 5, was put in, or comes twice"],
    ],
    [
      "put in without a hash",
      (all) => all.toSpliced(3, 0, JSON.stringify(event("x"))),
      ["4 has no hash of the entry before it, and was put in later"],
    ],
    ["removed, the first", (all) => all.slice(1), []],
  ])("%s", (_, change, found) => {
    write(change(lines()));
    expect(faults()).toEqual(found);
  });

  it("says of a first entry that is no first one that others are before it", () => {
    write(lines().slice(3));
    expect(verify()).toMatchObject({ faults: [], from: { seq: 3 } });
  });

  it("as it was before the next entry of whoever runs: what it wrote last was altered, or removed", () => {
    write(lines().with(9, (lines()[9] ?? "").replace('"e9"', '"no"')));
    append(1);
    expect(faults()).toEqual(["10 this line was altered, or stands in another's place"]);
    write(lines().slice(0, -4));
    append(1);
    expect(faults()).toEqual(["8 4 entries are missing before it"]);
  });

  it("as an entry of an older muxguard, where others went on behind it", () => {
    log.close();
    for (const id of ["x", "y"]) write([...lines(), JSON.stringify(event(id))]);
    openLog();
    append(2);
    const what = "has no hash of the entry before it: an older muxguard wrote it, or something else";
    expect(faults()).toEqual([`11 ${what}`, `12 ${what}`]);
  });
});
