/** What is undone, and what is left since somebody else has written there. */
import { expect, it } from "vitest";
import { type Done, parseRecord, undoOf } from "../../src/setup/record.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const done: Done = {
  path: "~/.bashrc",
  file: "/f",
  before: base64("old"),
  after: base64("new"),
  folders: [],
};

it("restores a file that is as it was left, and leaves one that has changed since", () => {
  expect(undoOf(done, Buffer.from("new"))).toBe("restore");
  expect(undoOf(done, Buffer.from("old"))).toBe("undone");
  expect(undoOf(done, Buffer.from("mine"))).toBe("changed");
  expect(undoOf(done, undefined)).toBe("changed");
});

it("knows a file that was not there", () => {
  const made = { ...done, before: null };
  expect(undoOf(made, Buffer.from("new"))).toBe("restore");
  expect(undoOf(made, undefined)).toBe("undone");
  expect(undoOf({ ...made, after: "" }, Buffer.alloc(0))).toBe("restore");
});

it("reads what it wrote, and nothing else", () => {
  const record = { version: 1, changes: [done], encrypted: ["/k"], folders: [] };
  expect(parseRecord(JSON.stringify(record))).toEqual(record);
  const broken: unknown[] = [
    null,
    {},
    [],
    { ...record, version: 2 },
    { ...record, changes: [{ ...done, before: 1 }] },
    { ...record, encrypted: "k" },
  ];
  for (const one of broken) expect(parseRecord(JSON.stringify(one))).toBeUndefined();
  expect(parseRecord("{")).toBeUndefined();
});
