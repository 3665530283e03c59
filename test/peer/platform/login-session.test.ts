import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { describe, expect, onTestFinished, test } from "vitest";
import { sessionEnd } from "../../../src/platform/proc/login-session.ts";
import { parseStat } from "../../../src/platform/proc/stat.ts";
import type { Process } from "../../../src/policy/request.ts";
import { caller } from "../../support/policy.ts";

async function start(): Promise<ChildProcess & Process> {
  const child = spawn("cat", { stdio: ["pipe", "ignore", "ignore"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child, "spawn");
  return Object.assign(child, processOf(child.pid ?? 0));
}

function processOf(pid: number): Process & { pid: number } {
  const { startTime } = parseStat(readFileSync(`/proc/${pid}/stat`, "latin1"));
  return { pid, startTime, name: "cat", cmdline: ["cat"] };
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

describe("a session of a terminal", () => {
  test("is over when its leader, the shell, has ended", async () => {
    const [shell, editor] = [await start(), await start()];
    const ancestors = [processOf(editor.pid), processOf(shell.pid)];
    const isOver = sessionEnd({ ...caller, session: `session:${shell.pid}`, ancestors });
    expect(isOver?.()).toBe(false);
    await end(editor);
    expect(isOver?.()).toBe(false);
    await end(shell);
    expect(isOver?.()).toBe(true);
  });

  test("has no known end where its leader can't be seen, or asks itself", () => {
    const ancestors = [processOf(process.pid)];
    expect(sessionEnd({ ...caller, session: "session:1", ancestors })).toBeUndefined();
    expect(sessionEnd({ ...caller, session: `session:${caller.pid}`, ancestors: [] })).toBeUndefined();
  });

  test("is over too where another process has the pid of its leader by now", async () => {
    const shell = await start();
    const earlier = { ...processOf(shell.pid), startTime: "1" };
    expect(sessionEnd({ ...caller, session: `session:${shell.pid}`, ancestors: [earlier] })?.()).toBe(true);
  });
});

describe("a login session", () => {
  /** The audit session of this process, which its children have too. */
  const id = readFileSync("/proc/self/sessionid", "utf8").trim();

  test("is over when the outermost process that belongs to it has ended", async () => {
    const [outermost, shell] = [await start(), await start()];
    const ancestors = [processOf(shell.pid), processOf(outermost.pid)];
    const isOver = sessionEnd({ ...caller, session: `login:${id}`, ancestors });
    await end(shell);
    expect(isOver?.()).toBe(false);
    await end(outermost);
    expect(isOver?.()).toBe(true);
  });

  test("has no known end where no ancestor belongs to it", () => {
    const ancestors = [processOf(process.pid)];
    expect(sessionEnd({ ...caller, session: "login:123456789", ancestors })).toBeUndefined();
  });
});
