/** Files are changed as a whole and in place, and taken back to the byte: on a real file system. */
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Paths } from "../../src/settings/paths.ts";
import { applyChange, undoAll } from "../../src/setup/files/apply.ts";

let home: string;
let paths: Paths;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "mg-"));
  paths = { state: join(home, ".local/state/muxguard") } as Paths;
});
afterEach(() => rmSync(home, { recursive: true }));

const at = (name: string): string => join(home, name);
const read = (name: string): string => readFileSync(at(name), "latin1");
const change = (name: string, before: string | undefined, after: string): void =>
  applyChange(paths, { path: at(name), why: "", before, after });
const outcomes = (): string[] => undoAll(paths).undone.map(({ outcome }) => outcome);

it("keeps the mode, leaves nothing beside the file, and takes it back to the byte", () => {
  const bytes = "a\xff\n";
  writeFileSync(at("rc"), bytes, "latin1");
  chmodSync(at("rc"), 0o664); // as a umask of 002 makes it
  change("rc", bytes, `${bytes}b\n`);
  expect(read("rc")).toBe(`${bytes}b\n`);
  expect(statSync(at("rc")).mode & 0o777).toBe(0o664);
  expect(readdirSync(home).sort()).toEqual([".local", "rc"]);
  expect(outcomes()).toEqual(["restored"]);
  expect(read("rc")).toBe(bytes);
  expect(statSync(at("rc")).mode & 0o777).toBe(0o664);
  expect(readdirSync(home)).toEqual(["rc"]); // nor the folders of the record
});

it("makes folders for a new file, and takes them away with it unless something else is in them", () => {
  change("a/b/new", undefined, "x");
  expect(statSync(at("a/b/new")).mode & 0o777).toBe(0o600);
  outcomes();
  expect(existsSync(at("a"))).toBe(false);
  change("a/b/new", undefined, "x");
  writeFileSync(at("a/mine"), "");
  outcomes();
  expect(readdirSync(at("a"))).toEqual(["mine"]);
});

it("changes what a link leads to, and the link stays", () => {
  mkdirSync(at("dotfiles"));
  writeFileSync(at("dotfiles/rc"), "a\n");
  symlinkSync("dotfiles/rc", at("rc"));
  change("rc", "a\n", "b\n");
  expect(lstatSync(at("rc")).isSymbolicLink()).toBe(true);
  expect(read("dotfiles/rc")).toBe("b\n");
  outcomes();
  expect(read("dotfiles/rc")).toBe("a\n");
});

it("leaves a link that leads nowhere, a FIFO's folder, and a file with a second name", () => {
  symlinkSync("nowhere", at("rc"));
  expect(() => change("rc", undefined, "x")).toThrow(/a link that leads nowhere/);
  mkdirSync(at("folder"));
  expect(() => change("folder", undefined, "x")).toThrow(/no regular file/);
  writeFileSync(at("one"), "a");
  linkSync(at("one"), at("two"));
  expect(() => change("one", "a", "b")).toThrow(/another name/);
  expect([existsSync(at("nowhere")), read("two")]).toEqual([false, "a"]);
});

it("does not write over what has changed since it was shown", () => {
  writeFileSync(at("rc"), "mine meanwhile\n");
  expect(() => change("rc", "shown\n", "b\n")).toThrow(/has changed meanwhile/);
  expect(read("rc")).toBe("mine meanwhile\n");
  expect(readdirSync(home).sort()).toEqual([".local", "rc"]);
});

it("leaves a file that somebody has written to, and can undo it once that is taken back", () => {
  writeFileSync(at("rc"), "a\n");
  change("rc", "a\n", "a\nours\n");
  change("new", undefined, "x");
  writeFileSync(at("rc"), "a\nours\nmine\n");
  expect(outcomes()).toEqual(["restored", "changed"]);
  expect(read("rc")).toBe("a\nours\nmine\n");
  writeFileSync(at("rc"), "a\nours\n");
  expect(outcomes()).toEqual(["restored"]);
  expect([read("rc"), existsSync(paths.state)]).toEqual(["a\n", false]);
});

it("undoes two changes of one file one after the other", () => {
  change("rc", undefined, "1");
  change("rc", "1", "12");
  expect(outcomes()).toEqual(["restored", "restored"]);
  expect(existsSync(at("rc"))).toBe(false);
  // and stops where somebody wrote in between
  change("rc", undefined, "1");
  writeFileSync(at("rc"), "1 mine");
  change("rc", "1 mine", "1 mine 2");
  expect(outcomes()).toEqual(["restored", "changed"]);
  expect(read("rc")).toBe("1 mine");
});

it("keeps the record for its owner alone", () => {
  change("rc", undefined, "x");
  expect(statSync(join(paths.state, "init.json")).mode & 0o777).toBe(0o600);
  expect(statSync(paths.state).mode & 0o777).toBe(0o700);
});
