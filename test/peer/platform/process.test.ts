import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { ended, until } from "../../../lab/lab.ts";
import { attempt } from "../../../src/attempt.ts";
import { ProcessTable } from "../../../src/platform/proc/process.ts";
import { ProcessGone } from "../../../src/platform/proc/table/open-stat.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "mg-")));
const sleep = realpathSync(execFileSync("/bin/sh", ["-c", "command -v sleep"], { encoding: "utf8" }).trim());
const children: ChildProcess[] = [];
let table: ProcessTable;

beforeEach(() => {
  table = new ProcessTable();
});

afterEach(async () => {
  table.close();
  for (const { pid } of children) if (pid !== undefined) killGroup(pid);
  await Promise.all(children.splice(0).map(ended));
});

/** Also what was left behind by a process that has ended. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // nothing is left
  }
}

/** Runs until the end of the test. */
function start(command: string, ...args: string[]): ChildProcess & { pid: number } {
  const child = spawn(command, args, { cwd: folder, detached: true, stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  if (child.pid === undefined) throw new Error(`${command} did not start`);
  return Object.assign(child, { pid: child.pid });
}

/** The next number that a child prints. */
async function printed(child: ChildProcess): Promise<number> {
  const [chunk] = await once(child.stdout ?? child, "data");
  return Number.parseInt(String(chunk), 10);
}

afterAll(() => rmSync(folder, { recursive: true }));

function parentOf(pid: number): number {
  return Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

/** A process, its parent, and so on. */
function line(pid: number): number[] {
  return pid > 0 ? [pid, ...line(parentOf(pid))] : [];
}

/** The descriptors that this process has open on /proc/PID/stat. */
function openStats(): number {
  const links = readdirSync("/proc/self/fd").map((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`);
    } catch {
      return ""; // that of the listing itself
    }
  });
  return links.filter((link) => /^\/proc\/\d+\/stat$/.test(link)).length;
}

/** Reads it again and again: what /proc says that it has become, the table says at once. */
async function seenAtOnce(pid: number, last: string): Promise<void> {
  const lastWord = () => readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").at(-2);
  const isDone = () => {
    table.read(pid);
    return lastWord() === last;
  };
  await until(isDone, "the exec", undefined, 1);
  expect(table.read(pid).cmdline.at(-1)).toBe(last);
}

/**
 * posix_spawn(3) makes a child that has the memory of its parent until it calls exec itself, and this one never
 * does: it waits for somebody who would write to a FIFO.
 */
const KEEPS_MEMORY = `
import ctypes, os, sys, threading, time
os.mkfifo(sys.argv[1])
libc = ctypes.CDLL(None)
actions = ctypes.create_string_buffer(1024)
libc.posix_spawn_file_actions_init(actions)
libc.posix_spawn_file_actions_addopen(actions, 9, sys.argv[1].encode(), os.O_RDONLY, 0)
pid = ctypes.c_int()
words = (ctypes.c_char_p * 2)(b"true", None)
spawn = lambda: libc.posix_spawn(ctypes.byref(pid), b"/bin/true", actions, None, words, None)
threading.Thread(target=spawn).start()
children = "/proc/self/task/%d/children"
tasks = lambda: [open(children % int(task)).read() for task in os.listdir("/proc/self/task")]
while not any(tasks()): time.sleep(0.01)
print(os.getpid(), flush=True)
sys.stdin.readline()
os.execvp("python3", ["python3", "-c", "import time; time.sleep(1000)", "again"])
`;

describe("a process", () => {
  it("is shown with executable, arguments, folder and session", () => {
    const { pid } = start("sleep", "1000");
    const login = readFileSync("/proc/self/sessionid", "utf8");
    expect(table.read(pid)).toMatchObject({
      pid,
      name: "sleep",
      exe: sleep,
      cmdline: ["sleep", "1000"],
      cwd: folder,
      session: login === "4294967295" ? `session:${pid}` : `login:${login}`,
      container: false,
    });
    expect(table.read(pid)).not.toHaveProperty("tty");
  });

  it("is shown with its terminal", async () => {
    const child = start("script", "-qec", 'tty > tty; echo "$$" > pid; exec sleep 1000', "/dev/null");
    // the file is there before the pid is in it
    const exe = () => attempt(() => table.read(Number(readFileSync(join(folder, "pid"), "utf8"))).exe);
    await until(() => exe() === sleep, "the program in the terminal");
    const pid = Number(readFileSync(join(folder, "pid"), "utf8"));
    expect(table.read(pid).tty).toBe(readFileSync(join(folder, "tty"), "utf8").trim());
    expect(table.read(pid).ancestors[0]?.pid).toBe(child.pid);
  });

  it("is shown with its ancestors, the parent first", async () => {
    const child = start("/bin/sh", "-c", '/bin/sh -c "sleep 1000 & echo \\$!; wait" middle; :', "outer");
    const pid = await printed(child);
    await until(() => table.read(pid).exe === sleep, "the innermost program");
    const { ancestors } = table.read(pid);
    expect(ancestors.slice(0, 2).map(({ cmdline }) => cmdline.at(-1))).toEqual(["middle", "outer"]);
    expect(ancestors.slice(1).map((ancestor) => ancestor.pid)).toEqual([child.pid, ...line(process.pid)]);
  });

  it("may have parentheses and blanks in its name", () => {
    const program = join(folder, ") (x) R 1");
    copyFileSync(sleep, program);
    chmodSync(program, 0o755);
    const { pid } = start(program, "1000");
    expect(table.read(pid)).toMatchObject({ name: ") (x) R 1", exe: program });
    expect(table.read(pid).ancestors[0]?.pid).toBe(process.pid);
  });

  it("may have arguments without end, of which the first 16 KiB are shown", () => {
    const { pid } = start("sleep", "1000", ...Array.from({ length: 40 }, () => `0.${"0".repeat(1000)}`));
    const { cmdline } = table.read(pid);
    expect(cmdline.slice(0, 2)).toEqual(["sleep", "1000"]);
    expect(cmdline.join("\0").length).toBe(16 * 1024);
  });

  it("is read anew once it has called exec, of another program or of the same one", async () => {
    const child = start("perl", "-e", '<STDIN>; exec $^X, "-e", "<STDIN>; exec qw(sleep 1000)", "again"');
    const before = table.read(child.pid);
    child.stdin?.write("\n");
    await until(() => table.read(child.pid).cmdline.at(-1) === "again", "the same program");
    expect(table.read(child.pid)).toMatchObject({ startTime: before.startTime, exe: before.exe });
    child.stdin?.write("\n");
    // in the midst of exec(2) the new program has no command line yet
    await until(() => table.read(child.pid).cmdline.at(-1) === "1000", "another program");
    expect(table.read(child.pid)).toMatchObject({ startTime: before.startTime, exe: sleep });
  });

  it("is read anew after an exec that leaves all addresses as they were", async () => {
    const code = '<STDIN>; exec "perl", "-e", $ENV{CODE}, "again"';
    const child = start("env", `CODE=${code}`, "setarch", "-R", "perl", "-e", code, "first");
    await until(() => table.read(child.pid).name === "perl", "perl");
    table.read(child.pid);
    child.stdin?.write("\n");
    await seenAtOnce(child.pid, "again");
  });

  it("with no environment is read anew as well", async () => {
    const child = start("env", "-i", "perl", "-e", '<STDIN>; exec $^X, "-e", "sleep 1000", "again"');
    await until(() => table.read(child.pid).name === "perl", "perl");
    child.stdin?.write("\n");
    await seenAtOnce(child.pid, "again");
  });

  it("gains nothing by a child that keeps its memory alive", async () => {
    const child = start("python3", "-c", KEEPS_MEMORY, join(folder, "fifo"));
    await printed(child);
    table.read(child.pid);
    child.stdin?.write("\n");
    await seenAtOnce(child.pid, "again");
  });

  it("keeps its place among the ancestors when it calls exec", async () => {
    const child = start("perl", "-e", 'if (!fork) { exec qw(sleep 1000) } <STDIN>; exec "cat"');
    const task = `/proc/${child.pid}/task/${child.pid}/children`;
    await until(() => readFileSync(task, "utf8") !== "", "the child");
    const pid = Number.parseInt(readFileSync(task, "utf8"), 10);
    expect(table.read(pid).ancestors[0]).toMatchObject({ pid: child.pid, name: "perl" });
    child.stdin?.write("\n");
    await until(() => table.read(pid).ancestors[0]?.name === "cat", "the parent's exec");
  });
});

describe("a process that has ended", () => {
  it("is gone", async () => {
    const child = start("sleep", "1000");
    table.read(child.pid);
    child.kill();
    await ended(child);
    expect(() => table.read(child.pid)).toThrow(ProcessGone);
    expect(() => new ProcessTable().read(child.pid)).toThrow(ProcessGone);
  });

  it("is gone before its parent has asked for its exit code, too", async () => {
    const child = start("/bin/sh", "-c", "sleep 1000 & echo $!; exec sleep 1000");
    const pid = await printed(child);
    table.read(pid);
    // a shell would wait for it
    await until(() => readFileSync(`/proc/${child.pid}/comm`, "utf8") === "sleep\n", "the end of the shell");
    process.kill(pid, "SIGKILL");
    await until(() => readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z "), "the zombie");
    expect(() => table.read(pid)).toThrow(ProcessGone);
    expect(() => new ProcessTable().read(pid)).toThrow(ProcessGone);
  });

  it("is not mistaken for another one with its pid", () => {
    const { pid } = start("sleep", "1000");
    const { startTime } = table.read(pid);
    expect(table.read(pid, startTime).pid).toBe(pid);
    expect(() => table.read(pid, String(Number(startTime) - 1))).toThrow(ProcessGone);
  });

  it("leaves its children with the process that adopts them", async () => {
    const child = start("/bin/sh", "-c", '/bin/sh -c "sleep 1000 & echo \\$!; read line"; exec cat');
    const pid = await printed(child);
    expect(table.read(pid).ancestors[1]?.pid).toBe(child.pid);
    child.stdin?.write("\n");
    await until(
      () => table.read(pid).ancestors[0]?.pid !== child.pid && !isUnder(pid, child.pid),
      "adoption",
    );
    expect(table.read(pid).ancestors.map((ancestor) => ancestor.pid)).toEqual(line(parentOf(pid)));
  });
});

function isUnder(pid: number, ancestor: number): boolean {
  return table.read(pid).ancestors.some((process) => process.pid === ancestor);
}

describe("the table", () => {
  it("shows 64 ancestors of a process that has more", async () => {
    const script = join(folder, "deep");
    writeFileSync(
      script,
      'if [ "$1" = 0 ]; then echo $$; exec sleep 1000; fi\n/bin/sh "$0" $(($1 - 1)); :\n',
    );
    const pid = await printed(start("/bin/sh", script, "80"));
    await until(() => table.read(pid).exe === sleep, "the innermost program");
    expect(table.read(pid).ancestors).toHaveLength(64);
    expect(table.read(pid).ancestors[63]?.cmdline).toEqual(["/bin/sh", script, "64"]);
  });

  it("keeps no more descriptors than its limit, and still knows every process", () => {
    const before = openStats(); // of the table of all tests
    const small = new ProcessTable(8);
    const pids = Array.from({ length: 30 }, (_, at) => start("sleep", `${1000 + at}`).pid);
    for (const round of [1, 2]) {
      for (const [at, pid] of pids.entries()) {
        expect(small.read(pid).cmdline, `round ${round}`).toEqual(["sleep", `${1000 + at}`]);
        expect(openStats() - before).toBeLessThanOrEqual(8);
      }
    }
    small.close();
    expect(openStats()).toBe(before);
  });

  it("has no descriptor for what has ended", async () => {
    const child = start("sleep", "1000");
    table.read(child.pid);
    const before = openStats();
    child.kill();
    await ended(child);
    expect(() => table.read(child.pid)).toThrow(ProcessGone);
    expect(openStats()).toBe(before - 1);
  });
});
