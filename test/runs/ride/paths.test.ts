import { expect, it } from "vitest";
import { RidePaths } from "../../../src/runs/ride/paths.ts";

/** Opens when the test says so. */
function opener() {
  const open = new Set<string>();
  const waiting: { succeed(): void; fail(): void }[] = [];
  const paths = new RidePaths((path) => open.has(path));
  const next = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const path = `path ${waiting.length}`;
      waiting.push({
        succeed: () => {
          open.add(path);
          resolve(path);
        },
        fail: () => reject(new Error(`no ${path}`)),
      });
    });
  return { open, waiting, paths, ask: (to = "prod") => paths.ensure(to, next) };
}

it("two that ask for one destination at once share one socket", async () => {
  const { waiting, ask, paths } = opener();
  const both = [ask(), ask()];
  const other = ask("test");
  await new Promise(setImmediate);
  expect(waiting).toHaveLength(2);
  for (const { succeed } of waiting) succeed();
  expect(await Promise.all(both)).toEqual(["path 0", "path 0"]);
  expect(await other).toBe("path 1");
  expect(await paths.all()).toEqual(["path 0", "path 1"]);
});

it("one that waited for another, which was refused, is decided anew, once for all who wait", async () => {
  const { waiting, ask } = opener();
  const [first, second, third] = [ask(), ask(), ask()];
  waiting[0]?.fail();
  await expect(first).rejects.toThrow("no path 0");
  await new Promise(setImmediate);
  expect(waiting).toHaveLength(2);
  waiting[1]?.succeed();
  expect(await Promise.all([second, third])).toEqual(["path 1", "path 1"]);
});

it("a socket whose connection has ended gives way to one new one", async () => {
  const { waiting, ask, open } = opener();
  const first = ask();
  waiting[0]?.succeed();
  open.delete(await first);
  const both = [ask(), ask()];
  await new Promise(setImmediate);
  expect(waiting).toHaveLength(2);
  waiting[1]?.succeed();
  expect(await Promise.all(both)).toEqual(["path 1", "path 1"]);
});
