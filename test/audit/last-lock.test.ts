/** Whether the log ends locked. The entries are a table: what each says of all before it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { endsLocked } from "../../src/audit/last-lock.ts";
import { openRegular } from "../../src/platform/files/regular-file.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mg-"));
  path = join(folder, "log.jsonl");
});
afterEach(() => rmSync(folder, { recursive: true }));

const entry = (operation: string | undefined, by: string, decision = "deny") => ({ operation, by, decision });
const LOCK = entry("lock-all", "default", "allow");
const UNLOCK = entry("unlock-all", "default", "allow");
const DENIED = entry(undefined, "fault:locked");
/** What the log may hold whether it is locked or not. */
const NEITHER = [
  entry("unlock-all", "fault:inside"),
  entry("lock-removed", "fault:muxguard"),
  entry("forget", "default", "allow"),
  entry(undefined, "fault:inside"),
  entry("use-upstream", "fault:upstream"),
];
const ALLOWED = entry(undefined, "rule:all", "allow");

const log = (...entries: object[]): void =>
  writeFileSync(path, entries.map((one) => `${JSON.stringify(one)}\n`).join(""));

it.each([
  ["nothing", [], false],
  ["a lock", [ALLOWED, LOCK], true],
  ["an unlock", [LOCK, DENIED, UNLOCK], false],
  ["what was denied for it, once the lock's own entry was rotated away", [DENIED, ...NEITHER], true],
  ["a lock, and what says nothing of it", [UNLOCK, LOCK, ...NEITHER], true],
  ["an unlock, and what says nothing of it", [LOCK, UNLOCK, ...NEITHER], false],
  ["what was decided after it", [LOCK, ALLOWED], false],
  ["a denial by a rule", [LOCK, entry(undefined, "rule:none")], false],
])("is told by %s", (_, entries, expected) => {
  log(...entries);
  for (const chunk of [1, 7, 100, 65_536]) expect(endsLocked(path, openRegular, chunk)).toBe(expected);
});

it("is told by the last whole entry: a line that was cut off, or is no entry, says nothing", () => {
  log(LOCK);
  for (const junk of ['{"by":"rule', "null", "[]", "7", '{"by":7}', "\\u0000"]) {
    writeFileSync(path, `\n${junk}`, { flag: "a" });
    expect(endsLocked(path, openRegular, 5)).toBe(true);
  }
});

it("is told in letters of more bytes, wherever the chunks begin", () => {
  log({ ...LOCK, reason: "für €" }, ...NEITHER);
  for (let chunk = 1; chunk < 40; chunk++) expect(endsLocked(path, openRegular, chunk)).toBe(true);
});
