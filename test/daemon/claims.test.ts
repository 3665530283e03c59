/** Why a program asks, as it says: whose environment is read, and that none of them holds anybody up. */
import { expect, test } from "vitest";
import { Claims } from "../../src/daemon/claims.ts";
import type { Caller, Process, ProcessId } from "../../src/policy/request.ts";
import { caller } from "../support/policy.ts";

const process = (pid: number): Process => ({ ...caller, pid });
const below = (...pids: number[]): Caller => ({ ...caller, pid: 10, ancestors: pids.map(process) });

/** The environments of processes by their pids, and which were read. */
function reasons(by: Record<number, string>) {
  const read: number[] = [];
  const look = async ({ pid }: ProcessId): Promise<ReadonlyMap<string, string>> => {
    read.push(pid);
    if (by[pid] === undefined) throw new Error("gone");
    return new Map([["MUXGUARD_REASON", by[pid]]]);
  };
  return { reasons: new Claims("MUXGUARD_REASON", look), read };
}

test("is that of its own environment, cut", async () => {
  const { reasons: one } = reasons({ 10: ` ${"x".repeat(1000)}` });
  expect(await one.of(below(20))).toBe("x".repeat(500));
});

test("is that of the nearest that started it, up to what holds its run and no further", async () => {
  const inRun = { ...below(20, 30, 40, 50), run: { name: "agent", pid: 40 } };
  const { reasons: one } = reasons({ 10: "", 30: "deploy", 50: "outside" });
  expect(await one.of(inRun)).toBe("deploy");
  const { reasons: none, read } = reasons({ 10: "", 40: "holder", 50: "outside" });
  expect(await none.of(inRun)).toBeUndefined();
  expect(read).toEqual([10, 20, 30]);
});

test("outside of runs is its own alone", async () => {
  const { reasons: one, read } = reasons({ 20: "somebody else's" });
  expect(await one.of(below(20))).toBeUndefined();
  expect(read).toEqual([10]);
});

test("is none where the environment is never read, and nobody else waits behind it", async () => {
  let end = (_: ReadonlyMap<string, string>): void => {};
  const hung = new Promise<ReadonlyMap<string, string>>((resolve) => {
    end = resolve;
  });
  const one = new Claims("MUXGUARD_REASON", () => hung, 20);
  expect(await one.of(caller)).toBeUndefined();
  const began = performance.now();
  expect(await one.of(caller)).toBeUndefined();
  expect(performance.now() - began).toBeLessThan(15);
  end(new Map([["MUXGUARD_REASON", "late"]]));
  await hung;
  await new Promise(setImmediate);
  expect(await one.of(caller)).toBe("late");
});
