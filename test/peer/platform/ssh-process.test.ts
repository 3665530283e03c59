/** Which process is taken for ssh. What a process can choose of its executable's path makes it none. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ENDED, findNoSsh, type SshEdges } from "../../../src/platform/proc/ssh-process.ts";

const SSH = realpathSync(execFileSync("/bin/sh", ["-c", "command -v ssh"], { encoding: "utf8" }).trim());
const PID = 4242;
const { uid } = userInfo();
const file = (ino: number, fields = {}) => ({ uid: 0, mode: 0o100755, ino, dev: 1, ...fields });
const rootsFolder = file(9, { mode: 0o40755 });

/** A system in which the files are as said: /proc/PID/exe is what runs. */
function edges(path: string, removed: boolean, files: Record<string, unknown>, seen = {}): SshEdges {
  const folders = { "/": rootsFolder, "/usr": rootsFolder, "/usr/bin": rootsFolder };
  const all: Record<string, unknown> = { [`/proc/${PID}`]: { uid }, ...folders, ...files };
  return {
    exePath: () => ({ path, deleted: removed, removed, foreign: false, ...seen }),
    stat: (asked) => {
      const found = all[asked];
      if (!found) throw new Error(`ENOENT: ${asked}`);
      return found as ReturnType<SshEdges["stat"]>;
    },
  };
}

const running = `/proc/${PID}/exe`;

describe("ssh is", () => {
  it("the system's, that only root may write to", () => {
    const files = { [running]: file(1), "/usr/bin/ssh": file(1) };
    expect(findNoSsh(PID, edges("/usr/bin/ssh", false, files))).toBeUndefined();
  });

  it("the system's whose file an upgrade has replaced, or is just replacing", () => {
    const replaced = { [running]: file(1), "/usr/bin/ssh": file(2) };
    expect(findNoSsh(PID, edges("/usr/bin/ssh", true, replaced))).toBeUndefined();
    expect(findNoSsh(PID, edges("/usr/bin/ssh", true, { [running]: file(1) }))).toBeUndefined();
  });
});

describe("no ssh is", () => {
  it.each<[string, SshEdges]>([
    [
      "a user's own file of that name, removed while it runs",
      edges("/home/me/ssh", true, { [running]: file(1, { uid: 1000 }) }),
    ],
    [
      "root's other program, linked under that name into a folder of the user's, and removed",
      edges("/home/me/ssh", true, {
        [running]: file(1),
        "/home": rootsFolder,
        "/home/me": file(3, { uid: 1000 }),
      }),
    ],
    [
      "the same in a folder of root's that everybody may write to",
      edges("/tmp/ssh", true, { [running]: file(1), "/tmp": file(3, { mode: 0o41777 }) }),
    ],
    [
      "a file of the user's that a mount shows at the system's path",
      edges("/usr/bin/ssh", false, { [running]: file(7, { uid: 1000 }) }, { deleted: true }),
    ],
    [
      "another program of root's that a mount shows there, be the mount attached nowhere",
      edges("/usr/bin/ssh", false, { [running]: file(7) }, { deleted: true }),
    ],
    [
      "a removed file in another mount namespace",
      edges("/usr/bin/ssh", true, { [running]: file(7) }, { deleted: false, foreign: true }),
    ],
    [
      "the system's own in another mount namespace, where it may load anything",
      edges("/usr/bin/ssh", false, { [running]: file(1), "/usr/bin/ssh": file(1) }, { foreign: true }),
    ],
    ["another name", edges("/usr/bin/scp", false, { [running]: file(1), "/usr/bin/scp": file(1) })],
  ])("%s", (_, handed) => {
    expect(findNoSsh(PID, handed)).toBeDefined();
  });

  it("another user's process", () => {
    const others = { [`/proc/${PID}`]: { uid: uid + 1 } };
    expect(findNoSsh(PID, edges("/usr/bin/ssh", false, others))).toBe("another user's process");
  });
});

describe("a real process", () => {
  let folder: string;
  let child: ChildProcess | undefined;
  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), "mg-")));
  });
  afterEach(() => {
    child?.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  });

  async function run(path: string): Promise<number> {
    child = spawn(path, ["-F", "none", "-o", "ProxyCommand=sleep 100", "host"], { stdio: "ignore" });
    await new Promise((resolve) => child?.once("spawn", resolve));
    return child.pid ?? 0;
  }

  it("is ssh while it runs, and has ended afterwards", async () => {
    const pid = await run(SSH);
    expect(findNoSsh(pid)).toBeUndefined();
    child?.kill("SIGKILL");
    await new Promise((resolve) => child?.once("exit", resolve));
    expect(findNoSsh(pid)).toBe(ENDED);
  });

  it("is no ssh with a copy of ssh's file that its user removes, or calls ssh (deleted)", async () => {
    const copy = join(folder, "ssh");
    copyFileSync(SSH, copy);
    const pid = await run(copy);
    rmSync(copy);
    expect(findNoSsh(pid)).toBe(`${copy} (its file is gone), which is not ssh`);
    child?.kill("SIGKILL");
    copyFileSync(SSH, `${copy} (deleted)`);
    expect(findNoSsh(await run(`${copy} (deleted)`))).toContain("which is not ssh");
  });
});
