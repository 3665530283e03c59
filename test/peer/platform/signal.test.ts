import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { signalProcess } from "../../../src/platform/proc/signal.ts";
import { parseStat } from "../../../src/platform/proc/stat.ts";

async function start(): Promise<{ child: ChildProcess; pid: number; startTime: string }> {
  const child = spawn("cat", { stdio: ["pipe", "ignore", "ignore"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child, "spawn");
  const { pid = 0 } = child;
  return { child, pid, startTime: parseStat(readFileSync(`/proc/${pid}/stat`, "latin1")).startTime };
}

test("a process gets the signal", async () => {
  const { child, pid, startTime } = await start();
  const ended = once(child, "exit");
  expect(signalProcess({ pid, startTime }, "SIGTERM")).toBe(true);
  expect(await ended).toEqual([null, "SIGTERM"]);
});

test("another process that has its pid by now gets none", async () => {
  const { child, pid, startTime } = await start();
  const ended = once(child, "exit");
  expect(signalProcess({ pid, startTime: `${Number(startTime) - 1}` }, "SIGKILL")).toBe(false);
  child.stdin?.end();
  expect(await ended).toEqual([0, null]);
});

test("one that has ended gets none", async () => {
  const { child, pid, startTime } = await start();
  const ended = once(child, "exit");
  child.stdin?.end();
  await ended;
  expect(signalProcess({ pid, startTime }, "SIGTERM")).toBe(false);
});
