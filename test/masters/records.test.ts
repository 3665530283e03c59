/** What a guard leaves to the next one, and what somebody else may have put there. */
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { MasterOrigin } from "../../src/identity/master-destination.ts";
import { MasterRecords } from "../../src/masters/records.ts";
import { makeFifo } from "../../src/platform/libc/descriptors.ts";
import { parseStat } from "../../src/platform/proc/stat.ts";
import { makeFolder } from "../support/agents.ts";

let folder: string;
let file: string;
let told: string[];
const report = (line: string): void => void told.push(line);
const origin: MasterOrigin = { plain: true, destination: { host: "prod", user: "root", port: 22 } };
const own = {
  pid: process.pid,
  startTime: parseStat(readFileSync("/proc/self/stat", "latin1")).startTime,
};
const { destination } = origin;
const record = (fields = {}) => ({ ...own, opened: false, paths: ["/s"], destination, ...fields });

beforeEach(() => {
  folder = makeFolder();
  file = join(folder, "masters.json");
  told = [];
});

function written(): unknown {
  return JSON.parse(readFileSync(file, "utf8"));
}

describe("the record of masters", () => {
  it("tells the next guard where each is listened for, and where it was told to go", () => {
    const records = new MasterRecords(folder, report);
    records.add(own, { ...origin, login: { hostKey: Buffer.from("key"), user: "root" } }, false);
    records.addPath(own.pid, "/control/prod");
    const next = new MasterRecords(folder, report);
    expect(next.takeOver()).toMatchObject([{ ...own, opened: false, paths: ["/control/prod"] }]);
    expect(next.claimOf(own)).toEqual(origin.destination);
    expect(next.claimOf({ ...own, startTime: "1" })).toBeUndefined();
    expect(told).toEqual([]);
  });

  it("holds no host key: whoever writes to the file makes a claim, and no proof", () => {
    const records = new MasterRecords(folder, report);
    records.add(own, { plain: true, login: { hostKey: Buffer.from("key") } }, false);
    expect(written()).toEqual([{ ...own, opened: false, paths: [] }]);
  });

  it("loses a path with its listener, and a master with its end", () => {
    const records = new MasterRecords(folder, report);
    records.add(own, origin, true);
    for (let round = 0; round < 3; round++) {
      records.addPath(own.pid, `/a${round}`);
      records.addPath(own.pid, "/b");
      records.removePath(own.pid, `/a${round}`);
      records.removePath(own.pid, "/b");
    }
    records.addPath(own.pid, "/last");
    expect(written()).toMatchObject([{ paths: ["/last"] }]);
    records.remove(own.pid);
    expect(written()).toEqual([]);
  });

  it("follows a master that goes on as another process", () => {
    const records = new MasterRecords(folder, report);
    records.add({ pid: 77, startTime: "5" }, origin, false);
    records.addPath(77, "/s");
    records.move(77, { pid: 78, startTime: "6" });
    expect(written()).toEqual([{ pid: 78, startTime: "6", opened: false, paths: ["/s"], destination }]);
    records.remove(77);
    records.remove(78);
    expect(written()).toEqual([]);
  });
});

describe("a file that no guard has written", () => {
  it.each<[string, string, RegExp]>([
    ["null", "null", /holds what is no master's$/],
    ["a number", "7", /holds what is no master's$/],
    ["an object", "{}", /holds what is no master's$/],
    ["text that is cut off", '[{"pid":', /JSON/],
    ["records of nothing", "[null, 1, [], {}]", /holds what is no master's$/],
    ["a pid that would be everybody", JSON.stringify([record({ pid: -1 })]), /no master's$/],
    ["a pid that is no number", JSON.stringify([record({ pid: "1" })]), /no master's$/],
    ["paths that are none", JSON.stringify([record({ paths: [null] })]), /no master's$/],
    ["a host that is no text", JSON.stringify([record({ destination: { host: 7 } })]), /no master's$/],
    ["nowhere to", JSON.stringify([record({ destination: null })]), /no master's$/],
  ])("counts for nothing, and is told of: %s", (_, text, reason) => {
    writeFileSync(file, text);
    expect(new MasterRecords(folder, report).takeOver()).toEqual([]);
    expect(told).toEqual([expect.stringMatching(reason)]);
  });

  it("leaves what is right beside it", () => {
    writeFileSync(file, JSON.stringify([null, record({ later: "field" })]));
    expect(new MasterRecords(folder, report).takeOver()).toMatchObject([{ pid: own.pid }]);
    expect(told).toHaveLength(1);
  });

  const others: [string, () => void, RegExp][] = [
    ["a FIFO", () => makeFifo(file), /no regular file/],
    ["a folder", () => mkdirSync(file), /no regular file/],
    [
      "a link",
      () => {
        writeFileSync(join(folder, "elsewhere"), JSON.stringify([record()]));
        symlinkSync("elsewhere", file);
      },
      /it is a link/,
    ],
    [
      "one that others may write to",
      () => {
        writeFileSync(file, JSON.stringify([record()]));
        chmodSync(file, 0o666);
      },
      /others may write to/,
    ],
  ];
  it.each(others)("is not read, and stops nothing: %s", (_, make, reason) => {
    make();
    const records = new MasterRecords(folder, report);
    expect(records.takeOver()).toEqual([]);
    expect(told).toEqual([expect.stringMatching(reason)]);
    records.add(own, origin, false);
    records.close();
  });

  it("does not hold up the next record: a FIFO where that is written", () => {
    makeFifo(`${file}.next`);
    const records = new MasterRecords(folder, report);
    records.add(own, origin, false);
    expect(written()).toMatchObject([own]);
    expect(told).toEqual([]);
  });

  it("is told of once where nothing can be written", () => {
    mkdirSync(file);
    writeFileSync(join(file, "in"), "");
    const records = new MasterRecords(folder, report);
    records.add(own, origin, false);
    records.addPath(own.pid, "/s");
    expect(told).toEqual([expect.stringMatching(/masters\.json can't be written: /)]);
  });
});
