/** Which connections end for a reason from elsewhere, and those that were being made then: stubs. */
import { expect, it } from "vitest";
import { Ending } from "../../src/masters/ending.ts";
import type { Master } from "../../src/masters/master.ts";
import type { GuardedMaster } from "../../src/masters/registry.ts";

function setting() {
  const guarded = (pid: number): GuardedMaster => {
    return { kind: "adopted", master: { pid } as Master, origin: { plain: true } };
  };
  const clock = { now: 100 };
  const [there, ended]: [GuardedMaster[], GuardedMaster[]] = [[guarded(1), guarded(2)], []];
  const registry = { everyone: () => there, endNow: (one: GuardedMaster) => void ended.push(one) };
  const ending = new Ending(registry, () => clock.now);
  return { ending, clock, guarded, pids: () => ended.map(({ master }) => master.pid) };
}

const only = (wanted: number) => async (master: Master) => master.pid === wanted;

it("ends those that are meant, and no others", async () => {
  const { ending, pids } = setting();
  await ending.endThose(only(2));
  expect(pids()).toEqual([2]);
});

it("ends one that comes later where its making had begun, and is meant", async () => {
  const { ending, pids, guarded } = setting();
  await ending.endThose(only(3));
  await ending.endThose(only(4));
  expect(await ending.endLate(guarded(3), 100)).toBe(true);
  expect(await ending.endLate(guarded(4), 99)).toBe(true);
  expect(await ending.endLate(guarded(5), 99)).toBe(false);
  expect(pids()).toEqual([3, 4]);
});

it("leaves one whose making began afterwards", async () => {
  const { ending, clock, pids, guarded } = setting();
  await ending.endThose(only(3));
  clock.now = 200;
  expect(await ending.endLate(guarded(3), 110)).toBe(false);
  expect(pids()).toEqual([]);
});
