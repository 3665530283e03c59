import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ended, until } from "../../../lab/lab.ts";
import { exePath, runsSameFile } from "../../../src/platform/proc/exe.ts";
import { ProcessTable } from "../../../src/platform/proc/process.ts";

const perl = realpathSync(execFileSync("perl", ["-e", "print $^X"], { encoding: "utf8" }));
const children: ChildProcess[] = [];
const table = new ProcessTable();
let folder: string;
let tool: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "mg-")));
  tool = join(folder, "tool");
  copyFileSync(perl, tool);
});

afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  await Promise.all(children.splice(0).map(ended));
  rmSync(folder, { recursive: true });
});

/** Runs a copy of perl. With a line on stdin it does what it is told to. */
async function start(program = tool, then = "sleep 1000"): Promise<{ pid: number; go(): void }> {
  const script = `$| = 1; print "here"; <STDIN>; ${then}; sleep 1000`;
  const child = spawn(program, ["-e", script], { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  await once(child.stdout, "data");
  return { pid: child.pid ?? 0, go: () => child.stdin.write("\n") };
}

describe("the executable of a process", () => {
  it("is its path, as long as the file is there", async () => {
    const { pid } = await start();
    expect(exePath(pid)).toMatchObject({ path: tool, deleted: false });
  });

  it.each<[string, () => void]>([
    ["was removed", () => rmSync(tool)],
    [
      "was replaced by another one",
      () => {
        copyFileSync("/bin/true", `${tool}.new`);
        renameSync(`${tool}.new`, tool);
      },
    ],
  ])("keeps its path where the file %s, and is deleted", async (_, change) => {
    const { pid } = await start();
    const { file } = exePath(pid) ?? {};
    change();
    expect(exePath(pid)).toMatchObject({ path: tool, deleted: true, removed: true, file });
    expect(table.read(pid)).toMatchObject({ exe: tool, exeDeleted: true, exeFile: file });
  });

  it("is not deleted because its file is called so", async () => {
    const called = join(folder, "x (deleted)");
    copyFileSync(perl, called);
    const { pid } = await start(called);
    expect(exePath(pid)).toMatchObject({ path: called, deleted: false });
    rmSync(called);
    expect(exePath(pid)).toMatchObject({ path: called, deleted: true });
  });

  it("is not taken for the path of another file, made later under that very name", async () => {
    const { pid } = await start();
    rmSync(tool);
    writeFileSync(`${tool} (deleted)`, "");
    expect(exePath(pid)).toMatchObject({ path: tool, deleted: true });
  });

  it("is a shell of the system's only where root alone can have put it there", async () => {
    const shell = spawn("/bin/sh", { stdio: ["pipe", "ignore", "inherit"] });
    children.push(shell);
    await until(() => /sh$/.test(exePath(shell.pid ?? 0)?.path ?? ""), "the shell");
    expect(exePath(shell.pid ?? 0)).toMatchObject({ systemShell: true });
    const own = join(folder, "sh");
    copyFileSync(perl, own);
    const { pid } = await start(own);
    expect(exePath(pid)).toMatchObject({ path: own, deleted: false, systemShell: false });
  });

  it("is unknown where the process has ended, or has none", () => {
    expect(exePath(2 ** 30)).toBeUndefined();
  });
});

describe("a process that asks", () => {
  it("is the same while its file is removed, or renamed", async () => {
    const { pid } = await start();
    const before = table.read(pid);
    renameSync(tool, `${tool}.old`);
    expect(runsSameFile(new ProcessTable().read(pid), before)).toBe(true);
    rmSync(`${tool}.old`);
    const now = new ProcessTable().read(pid);
    expect(now.exeDeleted).toBe(true);
    expect(runsSameFile(now, before)).toBe(true);
  });

  it("is another once it has called exec of the file that took its own's place", async () => {
    const { pid, go } = await start(tool, `exec "${tool}", "-e", "sleep 1000"`);
    const before = table.read(pid);
    copyFileSync(perl, `${tool}.new`);
    renameSync(`${tool}.new`, tool);
    go();
    await until(() => table.read(pid).cmdline[2] === "sleep 1000", "the exec");
    const now = table.read(pid);
    expect(now.exe).toBe(before.exe);
    expect(runsSameFile(now, before)).toBe(false);
  });

  it("is told by its path alone where the kernel does not tell the file", () => {
    const { exeFile: _, ...known } = table.read(process.pid);
    expect(runsSameFile(known, known)).toBe(true);
    expect(runsSameFile({ ...known, exe: "/bin/other" }, known)).toBe(false);
  });
});
