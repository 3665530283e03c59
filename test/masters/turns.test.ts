import { expect, it } from "vitest";
import { Turns } from "../../src/masters/turns.ts";

it("runs what concerns the same thing one after the other, and other things beside it", async () => {
  const turns = new Turns();
  const seen: string[] = [];
  const ends = new Map<string, () => void>();
  const act = (name: string) => () => {
    seen.push(name);
    return new Promise<string>((resolve) => ends.set(name, () => resolve(name)));
  };
  const first = turns.run("a", act("first"));
  const second = turns.run("a", act("second"));
  const other = turns.run("b", act("other"));
  await new Promise(setImmediate);
  expect(seen).toEqual(["first", "other"]);
  ends.get("first")?.();
  expect(await first).toBe("first");
  await new Promise(setImmediate);
  expect(seen).toEqual(["first", "other", "second"]);
  ends.get("second")?.();
  ends.get("other")?.();
  expect(await Promise.all([second, other])).toEqual(["second", "other"]);
});

it("goes on after one that failed, whose error is its own", async () => {
  const turns = new Turns();
  const failed = turns.run("a", () => Promise.reject(new Error("no")));
  const next = turns.run("a", async () => "yes");
  await expect(failed).rejects.toThrow("no");
  expect(await next).toBe("yes");
});
