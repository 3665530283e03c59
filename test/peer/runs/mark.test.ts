/** The limit that marks a run, as the kernel keeps it. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { afterEach, expect, test } from "vitest";
import { ended } from "../../../lab/lab.ts";
import { ProcessTable } from "../../../src/platform/proc/process.ts";
import { isDeeper, isMarked as isMarkedProcess } from "../../../src/runs/mark.ts";
import { bundled } from "../../support/bundled.ts";

const children: ChildProcess[] = [];
const table = new ProcessTable();
/** For a pid; one that is gone has no start time. */
const idOf = (pid: number) => ({ pid, startTime: startTimes.get(pid) ?? "" });
const startTimes = new Map<number, string>();
const isMarked = (pid: number): boolean => {
  if (!startTimes.has(pid)) startTimes.set(pid, table.read(pid).startTime);
  return isMarkedProcess(idOf(pid));
};
const module = bundled("src/runs/holder.ts");

afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  await Promise.all(children.splice(0).map(ended));
});

/** A program that goes on until the end of the test; when it has printed something. */
async function start(command: string, ...args: string[]): Promise<ChildProcess & { pid: number }> {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  child.stdin.write("\n");
  await new Promise((resolve) => child.stdout.once("data", resolve));
  return Object.assign(child, { pid: child.pid ?? 0 });
}

/** A program that holds a run in which a shell command is. */
const marked = (command: string): string[] => [
  "--input-type=module",
  "-e",
  `import { markedCommand } from "${module}";
   import { spawnSync } from "node:child_process";
   const [program, ...words] = markedCommand(["/bin/sh", "-c", process.argv[1]]);
   spawnSync(program, words, { stdio: "inherit" });`,
  command,
];

test("nobody is marked without a run", async () => {
  expect(isMarked(process.pid)).toBe(false);
  expect(isMarked((await start("cat")).pid)).toBe(false);
});

/** Starts what holds a run, and returns it with the pid that its command prints. */
async function hold(command: string): Promise<{ child: ChildProcess & { pid: number }; pid: number }> {
  const child = spawn(process.execPath, marked(command), { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  const pid = await new Promise<number>((resolve) =>
    child.stdout.once("data", (text) => resolve(Number(text))),
  );
  return { child: Object.assign(child, { pid: child.pid ?? 0 }), pid };
}

test("what holds a run is not marked, and what it starts is", async () => {
  const { child, pid } = await hold("echo $$; exec cat");
  expect([isMarked(child.pid), isMarked(pid)]).toEqual([false, true]);
  expect(isDeeper(idOf(pid), child.pid)).toBe(false);
  child.kill("SIGKILL");
  await ended(child);
  expect(isMarked(pid)).toBe(true);
});

test("a run inside of a run has a deeper mark, also when what held it was killed", async () => {
  const inner = marked("echo $$; exec cat").map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  const { child, pid } = await hold(`'${process.execPath}' ${inner.join(" ")}`);
  isMarked(pid);
  expect(isDeeper(idOf(pid), child.pid)).toBe(true);
  const [holder] = table.read(pid).ancestors;
  expect(isDeeper(idOf(pid), holder?.pid ?? 0)).toBe(false);
});

/** Root of a user namespace has CAP_SYS_RESOURCE there, and it does not count. */
test("a user namespace does not raise the limit again", async () => {
  const { pid } = await hold(
    // it ends with its input, as the run does: the private agent of another test would not start beside it
    "exec 3<&0; unshare -Urpf sh -c 'prlimit --locks=unlimited true 2> /dev/null && exit; exec cat <&3' & echo $!; exec cat",
  );
  expect(isMarked(pid)).toBe(true);
  process.kill(pid, 0); // it has not ended: what would have raised it ends it
});

test("a lower limit is a mark too", async () => {
  expect(isMarked((await start("prlimit", "--locks=0:0", "cat")).pid)).toBe(true);
});

test("the limit does not go up again, but for who may raise any limit", () => {
  const raise = "prlimit --locks=unlimited true 2> /dev/null; echo $?";
  const probe = execFileSync("/bin/sh", [
    "-c",
    `prlimit --core=0:0 sh -c 'prlimit --core=1:1 true 2> /dev/null; echo $?'`,
  ]);
  expect(execFileSync(process.execPath, marked(raise), { encoding: "utf8" })).toBe(String(probe));
});

test("a process that is gone counts as marked", async () => {
  const child = await start("cat");
  expect(isMarked(child.pid)).toBe(false);
  child.kill("SIGKILL");
  await ended(child);
  expect(isMarked(child.pid)).toBe(true);
});

test("a process that has got the pid of another is not taken for it", async () => {
  const { pid } = await start("cat");
  expect(isMarkedProcess({ pid, startTime: "1" })).toBe(true);
});
