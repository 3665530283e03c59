import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { exePath } from "../../../src/platform/proc/exe.ts";

let folder: string;
let child: ChildProcess | undefined;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "mg-")));
});

afterEach(() => {
  child?.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

/** A copy of sleep under the name. Returns its path. */
async function run(name: string): Promise<{ pid: number; path: string }> {
  const path = join(folder, name);
  copyFileSync("/bin/sleep", path);
  child = spawn(path, ["100"], { stdio: "ignore" });
  await new Promise((resolve) => child?.once("spawn", resolve));
  return { pid: child.pid ?? 0, path };
}

it("is the path of the running file", async () => {
  const { pid, path } = await run("sleep");
  expect(exePath(pid)).toMatchObject({ path, deleted: false });
  expect(exePath("self")).toMatchObject({ path: realpathSync(process.execPath), deleted: false });
});

it("is the same path once the file was removed, or replaced by an upgrade, and that is said", async () => {
  const { pid, path } = await run("sleep");
  rmSync(path);
  expect(exePath(pid)).toMatchObject({ path, deleted: true });
  writeFileSync(join(folder, "new"), "");
  renameSync(join(folder, "new"), path);
  expect(exePath(pid)).toMatchObject({ path, deleted: true });
});

it("is the whole name of a file that is really called so", async () => {
  const { pid, path } = await run("sleep (deleted)");
  expect(exePath(pid)).toMatchObject({ path, deleted: false });
  rmSync(path);
  expect(exePath(pid)).toMatchObject({ path, deleted: true });
});

it("is not taken for the path of another file, made later under that very name", async () => {
  const { pid, path } = await run("sleep");
  rmSync(path);
  writeFileSync(`${path} (deleted)`, "");
  expect(exePath(pid)).toMatchObject({ path, deleted: true });
});

it("is not known of a process that has ended", () => {
  expect(exePath(2 ** 30)).toBeUndefined();
});
