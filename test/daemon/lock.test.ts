/** Whether muxguard is locked, as one guard leaves it to the next. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Lock } from "../../src/daemon/lock.ts";

let runtime: string;
let log: string;
let file: string;
beforeEach(() => {
  runtime = mkdtempSync(join(tmpdir(), "mg-"));
  [log, file] = [join(runtime, "log.jsonl"), join(runtime, "locked")];
});
afterEach(() => rmSync(runtime, { recursive: true }));

const LOCKED = '{"operation":"lock-all","by":"default","decision":"allow"}\n';

it("is recalled from the log where the file is gone, and written again", () => {
  writeFileSync(log, LOCKED);
  let news = 0;
  const lock = new Lock({ runtime, log }, () => news++);
  expect(lock.recall()).toBe(true);
  expect(existsSync(file)).toBe(true);
  rmSync(file);
  expect([lock.isOn, lock.isOn, news]).toEqual([true, true, 1]);
  lock.turnOff();
  expect([lock.isOn, existsSync(file)]).toEqual([false, false]);
});

it("is not recalled while the file is there, which says it already, nor where there is no log", () => {
  expect(new Lock({ runtime, log }, () => {}).recall()).toBe(false);
  writeFileSync(log, LOCKED);
  writeFileSync(file, "");
  const lock = new Lock({ runtime, log }, () => {});
  expect([lock.recall(), lock.isOn]).toEqual([false, true]);
});

it("is kept in mind where the file can't be written", () => {
  writeFileSync(log, LOCKED);
  const lock = new Lock({ runtime: join(runtime, "gone"), log }, () => {});
  expect([lock.recall(), lock.isOn]).toEqual([true, true]);
});
