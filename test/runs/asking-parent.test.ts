/** Who a question is about, where a program of muxguard's asks in another's stead. */
import { expect, it } from "vitest";
import { ProcessTable } from "../../src/platform/proc/process.ts";
import type { Caller, Process } from "../../src/policy/request.ts";
import { askingFor } from "../../src/runs/asking-parent.ts";
import { caller } from "../support/policy.ts";

const processes = new ProcessTable();
const here = processes.read(process.pid);
const below = (parent: Process): Caller => ({ ...caller, pid: 4711, ancestors: [parent] });
const holder = { pid: 11, startTime: "11", name: "muxguard run", cmdline: [] };

it("is the parent, which waits for the answer", () => {
  expect(askingFor(below(here), processes)).toMatchObject({ pid: process.pid });
  expect(() => askingFor(below({ ...here, startTime: "1" }), processes)).toThrow("has ended");
});

it("is the program itself where its parent holds a run, under whatever name, or is the first process", () => {
  const orphan = below(holder);
  expect(askingFor(orphan, processes)).toBe(orphan);
  const renamed = below({ ...holder, name: "node" });
  expect(askingFor(renamed, processes, (pid) => pid === 11)).toBe(renamed);
  const child = below({ ...holder, pid: 1, name: "systemd" });
  expect(askingFor(child, processes)).toBe(child);
});
