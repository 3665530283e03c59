/** Files as another process sees them, which may have made them so that whoever looks hangs or looks elsewhere. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ended } from "../../../lab/lab.ts";
import { viewOf } from "../../../src/platform/files/process-view.ts";
import { ProcessTable } from "../../../src/platform/proc/process.ts";

const canBeApart = spawnSync("unshare", ["-Urm", "true"], { stdio: "ignore" }).status === 0;
const folder = realpathSync(mkdtempSync(join(tmpdir(), "mg-")));
const table = new ProcessTable();
const children: ChildProcess[] = [];

/** perl that does something, and waits. */
async function start(does: string, env: NodeJS.ProcessEnv = {}, apart = false) {
  const perl = ["perl", "-e", `$| = 1; ${does}; print "here"; sleep 1000`];
  const [program = "", ...args] = apart ? ["unshare", "-Urm", ...perl] : perl;
  const child = spawn(program, args, {
    cwd: folder,
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  await once(child.stdout, "data");
  return table.read(child.pid ?? 0);
}

const read = async (path: string, does = "", apart = false): Promise<string | undefined> =>
  viewOf(await start(does, {}, apart), (view) => view.read(path));

beforeAll(() => {
  mkdirSync(join(folder, "a/b"), { recursive: true });
  mkdirSync(join(folder, "etc"));
  writeFileSync(join(folder, "a/b/file"), "text\n");
  writeFileSync(join(folder, "etc/file"), "inside\n");
  writeFileSync(join(folder, "big"), "x".repeat(65_537));
  writeFileSync(join(folder, "secret"), "outside\n");
  execFileSync("mkfifo", [join(folder, "fifo")]);
  const links = {
    "to-file": "a/b/file",
    "a/up": "../a/./b/../b/file",
    absolute: "/etc/file",
    "a/out": `../../../../../../../..${folder}/secret`,
    loop: "loop",
    environ: "/proc/self/environ",
    root: `/proc/${process.pid}/root${folder}/secret`,
    "to-fifo": "fifo",
    zero: "/dev/zero",
  };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(folder, name));
});
afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  await Promise.all(children.splice(0).map(ended));
});
afterAll(() => {
  table.close();
  rmSync(folder, { recursive: true });
});

describe("a file as a process sees it", () => {
  it.each(["a/b/file", "to-file", "a/up", "a//b/./file"])("is read: %s", async (name) => {
    expect(await read(join(folder, "x/..", name))).toBe("text\n");
  });

  it.each(["none", "a", "a/b/file/x", "big", "fifo", "to-fifo", "zero", "loop", "environ"])(
    "is none: %s",
    async (name) => {
      expect(await read(`${folder}/${name}`)).toBeUndefined();
    },
  );

  it.skipIf(!canBeApart)("is one below its root, wherever links lead", async () => {
    const jail = `chroot "${folder}" or die; chdir "/a" or die`;
    const inside = await start(jail, {}, true);
    const found = await viewOf(inside, async ({ cwd, read: readIt }) => ({
      cwd,
      file: await readIt("/a/b/file"),
      absolute: await readIt("/absolute"),
      out: await readIt("/a/out"),
      up: await readIt("/../../../../secret"),
      root: await readIt("/root"),
    }));
    expect(found).toMatchObject({ file: "text\n", absolute: "inside\n", up: "outside\n" });
    // both lead to a path that is not there, below its root
    expect([found.out, found.root]).toEqual([undefined, undefined]);
  });

  it.skipIf(!canBeApart)("is one of its own mounts", async () => {
    const path = join(folder, "a/b/file");
    const does = `system("mount -t tmpfs none ${folder}/a/b") == 0 or die; open(F, ">${path}"); print F "mounted"; close F`;
    expect(await read(path, does, true)).toBe("mounted");
    expect(await read(path)).toBe("text\n");
  });
});

describe("a process", () => {
  it("is known by its folder and the environment that it began with", async () => {
    const caller = await start("$ENV{GIT_DIR} = 'later'", { GIT_DIR: "/a=b", EMPTY: "" });
    const { cwd, environment } = await viewOf(caller, async (view) => view);
    expect(cwd).toBe(folder);
    expect([environment?.get("GIT_DIR"), environment?.get("EMPTY")]).toEqual(["/a=b", ""]);
  });

  it("is not another one that has got its pid", async () => {
    const caller = await start("");
    await expect(viewOf({ ...caller, startTime: "1" }, async () => "seen")).rejects.toThrow("has ended");
  });
});
