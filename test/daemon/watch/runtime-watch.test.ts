/** How soon what is replaced in the runtime folder is mended. The system's events are real, the clock is not. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Findings } from "../../../src/daemon/watch/findings.ts";
import { RuntimeWatch } from "../../../src/daemon/watch/runtime-watch.ts";

/** In milliseconds. */
const SOON = 100;

let folder: string;
let watch: RuntimeWatch;
let isInPlace: boolean;
let done: string[];

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  folder = mkdtempSync(join(tmpdir(), "mg-"));
  writeFileSync(join(folder, "agent.sock"), "");
  [isInPlace, done] = [true, []];
  const putBack = async (): Promise<void> => {
    done.push("put back");
    isInPlace = true;
  };
  watch = new RuntimeWatch({
    folder,
    lock: { isOn: true, restore: () => done.push("lock looked at") === 0 },
    alarms: { findings: new Findings(), raise: (_, __, text) => void done.push(text) },
    listeners: () => [{ path: join(folder, "agent.sock"), isInPlace: () => isInPlace, putBack }],
    listenerAt: () => "pid 7 (evil)",
  });
  await watch.start();
  await vi.advanceTimersByTimeAsync(SOON);
  done = [];
});
afterEach(async () => {
  vi.useRealTimers();
  await watch.close();
  rmSync(folder, { recursive: true });
});

/** Another's is put there. Comes back when the system has told the watch. */
async function replace(): Promise<void> {
  isInPlace = false;
  writeFileSync(join(folder, ".theirs"), "");
  renameSync(join(folder, ".theirs"), join(folder, "agent.sock"));
  while (vi.getTimerCount() === 0) await new Promise(setImmediate);
}

it("a socket that is replaced is back, and told of, a tenth of a second after the system has told", async () => {
  await replace();
  expect(done).toEqual([]);
  await vi.advanceTimersByTimeAsync(SOON);
  const said = expect.stringMatching(
    /agent\.sock was replaced by that of pid 7 \(evil\) .* the guard's again/,
  );
  expect(done).toEqual(["lock looked at", "put back", said]);
});

it("one that is replaced all the time is put back each time, and told of once", async () => {
  for (let times = 0; times < 3; times++) {
    await replace();
    await vi.advanceTimersByTimeAsync(SOON);
  }
  expect(done.filter((one) => one === "put back")).toHaveLength(3);
  expect(done.filter((one) => one.includes("replaced"))).toHaveLength(1);
});
