/** Whose a master is, and who may use it. */
import { expect, it } from "vitest";
import { goesByItself, runAround, within } from "../../src/masters/origin.ts";
import { ProcessTable } from "../../src/platform/proc/process.ts";
import { makeScope } from "../support/guard.ts";

const processes = new ProcessTable();
const pids = [process.pid, process.ppid];
const own = process.pid;

it("is of no run if none of its processes is in one, and of a run if all of them are in that", () => {
  expect(runAround(pids, processes, () => undefined)).toBeUndefined();
  expect(runAround(pids, processes, () => ({ id: "a" }))).toEqual({ id: "a" });
});

it("is of a run that nobody may name if but one of its processes is in one, or they are in several", () => {
  expect(runAround(pids, processes, ({ pid }) => (pid === own ? { id: "a" } : undefined))).toEqual({});
  expect(runAround(pids, processes, ({ pid }) => ({ id: pid === own ? "a" : "b" }))).toEqual({});
  expect(runAround(pids, processes, () => ({}))).toEqual({});
});

it("is of a run that is over if that is so for all of its processes", () => {
  expect(runAround(pids, processes, () => ({ isOver: true }))).toEqual({ isOver: true });
  expect(runAround(pids, processes, ({ pid }) => (pid === own ? { isOver: true } : {}))).toEqual({});
  expect(runAround(pids, processes, ({ pid }) => (pid === own ? { isOver: true } : undefined))).toEqual({});
});

it("sends an ssh of others away that would connect by itself, and nothing else", () => {
  const outside = makeScope();
  const client = (...cmdline: string[]) => ({
    isUnchanged: () => true,
    identify: () => ({ ...processes.read(own), cmdline }),
  });
  const inRun = () => within({ id: "a" }, outside);
  for (const line of ["ssh lab", "ssh lab id", "ssh -W prod:22 lab", "ssh -o ControlMaster=no -N lab"])
    expect(goesByItself(client(...line.split(" ")), inRun)).toBe(true);
  for (const line of ["ssh -O exit lab", "ssh -Ocheck lab", "ssh", "other"])
    expect(goesByItself(client(...line.split(" ")), inRun)).toBe(false);
  expect(goesByItself(client("ssh", "lab"), () => outside)).toBe(false);
});

it("may be used by its run alone", () => {
  const outside = makeScope();
  const run = makeScope(undefined, { run: { id: "a", name: "r", pid: 1 } });
  const other = makeScope(undefined, { run: { id: "b", name: "r", pid: 2 } });
  expect(within(undefined, outside)).toBe(outside);
  expect(within({ id: "a" }, run)).toBe(run);
  for (const scope of [outside, other])
    expect(within({ id: "a" }, scope).refused).toContain("made inside of a muxguard run");
  expect(within({}, run).refused).toContain("made inside of a muxguard run");
});
