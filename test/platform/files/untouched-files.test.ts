/** That nothing has changed is said only where that is so: each way to change a file is noticed at once. */
import {
  chmodSync,
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { UntouchedFiles } from "../../../src/platform/files/untouched-files.ts";

let folder: string;
let files: UntouchedFiles;
const at = (name: string): string => join(folder, name);

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "mg-")));
  mkdirSync(at("way/config/policy.d"), { recursive: true });
  for (const name of ["policy.toml", "policy.d/a.toml"]) writeFileSync(at(`way/config/${name}`), "text");
  linkSync(at("way/config/policy.toml"), at("other-name"));
  writeFileSync(at("elsewhere"), "longer text");
  const paths = ["policy.d", "policy.toml", "policy.d/a.toml", "approved.toml"];
  files = new UntouchedFiles(() => paths.map((name) => at(`way/config/${name}`)));
});
afterEach(() => {
  files.close();
  rmSync(folder, { recursive: true, force: true });
});

/** @returns whether it is watched now */
function watch(): boolean {
  files.watch(() => true);
  return files.areUntouched();
}

const policy = (): string => at("way/config/policy.toml");

it("files that nobody touches are untouched, and so they are when a name beside the way comes up", () => {
  expect(files.areUntouched()).toBe(false);
  expect(watch()).toBe(true);
  writeFileSync(at("way/unrelated"), "");
  expect(files.areUntouched()).toBe(true);
  files.close();
  expect(files.areUntouched()).toBe(false);
});

it("what changed before the watches were there is seen by the look behind them", () => {
  files.watch(() => false);
  expect(files.areUntouched()).toBe(false);
});

describe("a change is noticed at once:", () => {
  it.each<[string, () => void]>([
    ["a file that is written in its place", () => writeFileSync(policy(), "new")],
    ["one that has the same size and times as before", () => writeThenSetTimes()],
    ["one that is written by another name", () => writeFileSync(at("other-name"), "TEXT")],
    ["one that is cut by its name", () => truncateSync(policy(), 1)],
    ["one that is replaced", () => renameSync(at("elsewhere"), policy())],
    ["one that is removed", () => unlinkSync(policy())],
    ["one that is moved away", () => renameSync(policy(), at("gone"))],
    ["one that others may write to", () => chmodSync(policy(), 0o666)],
    ["one of policy.d that is removed", () => unlinkSync(at("way/config/policy.d/a.toml"))],
    ["one that comes up in policy.d", () => writeFileSync(at("way/config/policy.d/b.toml"), "")],
    ["a link that comes up there", () => symlinkSync(at("elsewhere"), at("way/config/policy.d/b.toml"))],
    ["one that is moved to there", () => renameSync(at("elsewhere"), at("way/config/policy.d/b.toml"))],
    ["approved.toml that comes up", () => writeFileSync(at("way/config/approved.toml"), "")],
    ["a folder on the way that is replaced", () => renameSync(at("way"), at("gone"))],
    ["policy.d that is replaced", () => renameSync(at("way/config/policy.d"), at("way/gone"))],
  ])("%s", (_, change) => {
    expect(watch()).toBe(true);
    change();
    expect(files.areUntouched()).toBe(false);
    expect(files.areUntouched()).toBe(false);
  });

  it("an empty folder in which somebody stands, and that is made anew", () => {
    rmSync(at("way/config"), { recursive: true });
    mkdirSync(at("way/config"));
    files.close();
    files = new UntouchedFiles(() => [policy()]);
    const inside = openSync(at("way/config"), "r");
    expect(watch()).toBe(true);
    rmdirSync(at("way/config"));
    expect(files.areUntouched()).toBe(false);
    closeSync(inside);
  });

  it("a file that a program opens to write to it, as by a map that nobody tells of", () => {
    expect(watch()).toBe(true);
    const fd = openSync(policy(), "r+");
    expect(files.areUntouched()).toBe(false);
    writeSync(fd, "TEXT");
    closeSync(fd);
  });
});

describe("files are not watched", () => {
  it.each<[string, () => void]>([
    ["where one is a link", () => linked(policy())],
    ["where a folder on the way is a link", () => linked(at("way"))],
    ["where one can't be read by its owner alone", () => chmodSync(policy(), 0o622)],
    ["where their folder is not there", () => rmSync(at("way"), { recursive: true })],
  ])("%s", (_, change) => {
    change();
    expect(watch()).toBe(false);
  });

  it("where a program has one open for writing", () => {
    const fd = openSync(policy(), "a");
    expect(watch()).toBe(false);
    closeSync(fd);
  });

  it("that the kernel makes up", () => {
    files.close();
    files = new UntouchedFiles(() => ["/proc/self/status"]);
    expect(watch()).toBe(false);
  });
});

function linked(path: string): void {
  renameSync(path, at("real"));
  symlinkSync(at("real"), path);
}

function writeThenSetTimes(): void {
  const text = readFileSync(policy(), "utf8").toUpperCase();
  writeFileSync(policy(), text);
  utimesSync(policy(), 1, 1);
}
