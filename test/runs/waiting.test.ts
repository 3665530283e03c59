/** Whether a program of a run is alive, which could come before the guard: what /proc shows is a table. */
import { expect, it } from "vitest";
import { type ProcView, refuseBesideRuns } from "../../src/runs/waiting.ts";

/** A machine on which nothing happens: pid 40 is the user's shell. */
function quiet(): ProcView {
  return { pids: () => [1, 40], lastPid: () => 40, isOfRun: () => false };
}

const IN_A_RUN = /while a run's process is alive.*end 50 \(/;
const TOO_FAST = /begin and end so fast that one of a run could be among them/;

it("starts where nobody is inside of a run", () => {
  expect(() => refuseBesideRuns(quiet())).not.toThrow();
});

it("does not start while a run's process is alive", () => {
  const view: ProcView = { ...quiet(), pids: () => [1, 40, 50], isOfRun: (pid) => pid === 50 };
  expect(() => refuseBesideRuns(view)).toThrow(IN_A_RUN);
});

it("looks again for a process that ended between the list and the look: it may have forked", () => {
  const lists = [
    [1, 40, 49],
    [1, 40, 50],
  ];
  const view: ProcView = {
    ...quiet(),
    pids: () => lists.shift() ?? [1, 40],
    isOfRun: (pid) => (pid === 49 ? undefined : pid === 50),
  };
  expect(() => refuseBesideRuns(view)).toThrow(IN_A_RUN);
});

it("does not start while one forks away from every look", () => {
  let last = 40;
  const view: ProcView = {
    pids: () => [1, 40, ++last],
    lastPid: () => last,
    isOfRun: (pid) => (pid > 40 ? undefined : false),
  };
  expect(() => refuseBesideRuns(view)).toThrow(TOO_FAST);
});

it("starts beside others that come and go, as soon as a walk has seen all", () => {
  let walks = 0;
  const view: ProcView = {
    ...quiet(),
    pids: () => (++walks < 5 ? [1, 40, 40 + walks] : [1, 40]),
    isOfRun: (pid) => (pid > 40 ? undefined : false),
  };
  expect(() => refuseBesideRuns(view)).not.toThrow();
  expect(walks).toBe(5);
});

it("starts beside one that has ended, and that nobody waits for", () => {
  const view: ProcView = { ...quiet(), isOfRun: (pid) => (pid === 40 ? undefined : false) };
  expect(() => refuseBesideRuns(view)).not.toThrow();
});

it("looks at all anew where the numbers began again: one was listed nowhere, or has another's number", () => {
  const last = [32_000, 20, 60, 60];
  const seen: number[] = [];
  const view: ProcView = {
    ...quiet(),
    lastPid: () => last.shift() ?? 60,
    isOfRun: (pid) => {
      seen.push(pid);
      return false;
    },
  };
  refuseBesideRuns(view);
  expect(seen).toEqual([40, 1, 40, 1]);
});

it("looks at each process once where they did not", () => {
  const seen: number[] = [];
  const lists = [
    [1, 40, 41],
    [1, 40, 42],
  ];
  const view: ProcView = {
    ...quiet(),
    pids: () => lists.shift() ?? [],
    isOfRun: (pid) => {
      seen.push(pid);
      return pid === 41 ? undefined : false;
    },
  };
  refuseBesideRuns(view);
  expect(seen).toEqual([41, 40, 1, 42]);
});

it("does not start where a process can't be looked at", () => {
  const isOfRun = (): never => {
    throw new Error("the private agent does not start where /proc hides processes");
  };
  expect(() => refuseBesideRuns({ ...quiet(), isOfRun })).toThrow("hides processes");
});
