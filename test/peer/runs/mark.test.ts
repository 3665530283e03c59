/** The limit that marks a run, as the kernel keeps it. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { afterEach, expect, test } from "vitest";
import { ended } from "../../../lab/lab.ts";
import { isMarked } from "../../../src/runs/mark.ts";
import { bundled } from "../../support/bundled.ts";

const children: ChildProcess[] = [];
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

/** A program that marks itself and then becomes the parent of a shell command. */
const marked = (command: string): string[] => [
  "--input-type=module",
  "-e",
  `import { markRun } from "${module}";
   import { spawnSync } from "node:child_process";
   markRun();
   spawnSync("/bin/sh", ["-c", process.argv[1]], { stdio: "inherit" });`,
  command,
];

test("nobody is marked without a run", async () => {
  expect(isMarked(process.pid)).toBe(false);
  expect(isMarked((await start("cat")).pid)).toBe(false);
});

test("what a marked process starts is marked", async () => {
  const child = spawn(process.execPath, marked("echo $$; exec cat"), { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  const pid = await new Promise<number>((resolve) =>
    child.stdout.once("data", (text) => resolve(Number(text))),
  );
  expect(isMarked(pid)).toBe(true);
  child.kill("SIGKILL");
  await ended(child);
  expect(isMarked(pid)).toBe(true);
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
  child.kill("SIGKILL");
  await ended(child);
  expect(isMarked(child.pid)).toBe(true);
});
