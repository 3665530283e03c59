import { readdirSync, readlinkSync } from "node:fs";
import { expect, test } from "vitest";
import { attempt } from "../../../src/attempt.ts";
import { descriptorLimit } from "../../../src/platform/files/descriptor-info.ts";
import { ProcessTable } from "../../../src/platform/proc/process.ts";

/** How many files of processes are open here. */
function kept(): number {
  const links = readdirSync("/proc/self/fd").map((fd) => attempt(() => readlinkSync(`/proc/self/fd/${fd}`)));
  return links.filter((link) => /^\/proc\/\d+\/stat$/.test(link ?? "")).length;
}

const shortage = (): Error => Object.assign(new Error("EMFILE"), { code: "EMFILE" });

test("what is kept of processes gives way where no descriptor is left", () => {
  const before = kept();
  const table = new ProcessTable();
  table.read(process.pid);
  expect(kept()).toBeGreaterThan(before);
  const result = table.withRoom(() => {
    if (kept() > before) throw shortage();
    return "there was room";
  });
  expect(result).toBe("there was room");
  expect(table.read(process.pid).pid).toBe(process.pid);
  table.close();
});

test("a shortage without anything that could give way stays one", () => {
  const table = new ProcessTable();
  expect(() =>
    table.withRoom(() => {
      throw shortage();
    }),
  ).toThrow("EMFILE");
});

test("the limit is that of the kernel", () => {
  expect(descriptorLimit()).toBeGreaterThan(32);
});
