/** This process adopts what its children leave behind, until the end of this file: others are run in it too. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { Writable } from "node:stream";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { adoptOrphans } from "../../../src/platform/libc/process.ts";
import { reapOrphans } from "../../../src/platform/proc/orphans.ts";
import { parseStat } from "../../../src/platform/proc/stat.ts";

beforeAll(() => {
  adoptOrphans();
  reapOrphans(50);
});

// what detaches itself in another file, as a tmux server, has to be nobody's again
afterAll(() => adoptOrphans(false));

function statOf(pid: number): ReturnType<typeof parseStat> | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return undefined;
  }
}

/** A process whose parent has ended. It ends when its input does. */
async function orphan(): Promise<{ pid: number; input: Writable }> {
  const script = "cat <&3 >/dev/null & echo $!";
  const parent: ChildProcess = spawn("/bin/sh", ["-c", script], {
    stdio: ["ignore", "pipe", "inherit", "pipe"],
  });
  const exit = once(parent, "exit");
  const [pid] = await once(parent.stdout as NonNullable<typeof parent.stdout>, "data");
  await exit;
  return { pid: Number(String(pid)), input: parent.stdio[3] as Writable };
}

test("an adopted process is waited for when it has ended, so that nothing of it is left", async () => {
  const { pid, input } = await orphan();
  expect(statOf(pid)?.parent).toBe(process.pid);
  input.end();
  await vi.waitFor(() => expect(statOf(pid)).toBeUndefined(), { timeout: 5000 });
});

test("Node still hears how its own children end, however many orphans end with them", async () => {
  const orphans = await Promise.all([orphan(), orphan()]);
  const own = Array.from({ length: 5 }, (_, code) => spawn("/bin/sh", ["-c", `read line; exit ${code}`]));
  const ends = own.map((child) => once(child, "exit"));
  for (const { input } of orphans) input.end();
  for (const child of own) child.stdin.end();
  expect((await Promise.all(ends)).map(([code]) => code)).toEqual([0, 1, 2, 3, 4]);
  await vi.waitFor(() => expect(orphans.map(({ pid }) => statOf(pid))).toEqual([undefined, undefined]), {
    timeout: 5000,
  });
});
