/** When a file is believed. The clocks are handed in, the files of the last test are real. */
import { mkdtempSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { looksAt, readAtRest } from "../../../src/platform/files/at-rest.ts";

/** A file that another program writes to at times of its choice, in milliseconds. */
class Written {
  time = 0;
  /** How far the clock that can be set is ahead. */
  ahead = 0;
  readonly #writes: readonly number[];
  readonly #changedAt: (write: number) => number;

  constructor(writes: readonly number[], changedAt = (write: number) => write) {
    this.#writes = writes;
    this.#changedAt = changedAt;
  }

  #last(): number {
    return this.#writes.findLast((write) => write <= this.time) ?? Number.NEGATIVE_INFINITY;
  }

  /** @returns as of which write it was read, and when that was over */
  async read(takes = 0): Promise<{ write: number; at: number }> {
    const looks = { stamp: () => String(this.#last()), changedAt: () => this.#changedAt(this.#last()) };
    const edges = {
      now: () => this.time,
      date: () => this.time + this.ahead,
      wait: async (some: number) => {
        this.time += some;
      },
    };
    const read = async (): Promise<number> => {
      const write = this.#last();
      this.time += takes;
      return write;
    };
    const { found: write } = await readAtRest(looks, read, edges);
    return { write, at: this.time };
  }
}

it("a file that was written a while ago is read at once", async () => {
  expect(await new Written([-100]).read()).toEqual({ write: -100, at: 0 });
});

it("one that is being written is read when the last write is a tenth of a second old", async () => {
  expect(await new Written([0, 50, 140]).read()).toEqual({ write: 140, at: 240 });
});

it("one that is written while it is read is read again", async () => {
  expect(await new Written([-500, 20]).read(30)).toEqual({ write: 20, at: 150 });
});

it("one that is written all the time is not read, and whoever waits is told after two seconds", async () => {
  const file = new Written(Array.from({ length: 100 }, (_, at) => at * 50));
  await expect(file.read()).rejects.toThrow(/being written all the time/);
  expect(file.time).toBeGreaterThanOrEqual(2000);
  expect(file.time).toBeLessThan(2200);
});

it("one that is written during each reading is given up as well", async () => {
  const file = new Written(Array.from({ length: 100 }, (_, at) => at * 150));
  await expect(file.read(150)).rejects.toThrow(/being written all the time/);
});

it.each([
  ["lies ahead", 0, () => 3_600_000],
  ["lies ahead of a clock that was set back", -3_600_000, (write: number) => write],
])(
  "one whose time %s is read when it stayed the same for a tenth of a second",
  async (_, ahead, changedAt) => {
    const file = new Written([0, 50], changedAt);
    file.ahead = ahead;
    const { write, at } = await file.read();
    expect(write).toBe(50);
    expect(at).toBeGreaterThanOrEqual(150);
    expect(at).toBeLessThan(400);
  },
);

it("a file that is moved away for a moment, as editors do, was not removed", async () => {
  const folder = mkdtempSync(join(tmpdir(), "mg-"));
  const path = join(folder, "a.toml");
  writeFileSync(path, "a");
  renameSync(path, `${path}~`);
  const looks = looksAt(() => [path]);
  const reading = readAtRest(looks, async () => looks.stamp());
  writeFileSync(path, "b");
  expect((await reading).found).toMatch(/ \d+:\d+ 1$/);
  unlinkSync(path);
  expect((await readAtRest(looks, async () => looks.stamp())).found).toBe(`${path} -`);
  rmSync(folder, { recursive: true });
});

describe("a known file that is cut before its times change, as the kernel does it", () => {
  const stamps = { known: "f 1 1 0:7 62", cut: "f 1 1 0:7 0", whole: "f 900 900 0:7 62" };

  /** @param halfway how long it stays so, in milliseconds. @returns as of which stamp it was read, and when */
  async function readAfter(halfway: number): Promise<{ found: string; at: number }> {
    let time = 800;
    const start = time;
    const stamp = (): string => (time < start + halfway ? stamps.cut : stamps.whole);
    const looks = { stamp, changedAt: () => (stamp() === stamps.cut ? 1 : start + halfway) };
    const wait = async (some: number) => {
      time += some;
    };
    const edges = { now: () => time, date: () => time, wait };
    const { found } = await readAtRest(looks, async () => stamp(), edges, stamps.known);
    return { found, at: time - start };
  }

  it("is not read in between", async () => {
    expect(await readAfter(20)).toMatchObject({ found: stamps.whole });
    expect(await readAfter(300)).toMatchObject({ found: stamps.whole });
  });

  it("is read after a second where its times never change, as on other file systems", async () => {
    const { found, at } = await readAfter(1e9);
    expect(found).toBe(stamps.cut);
    expect(at).toBeGreaterThanOrEqual(1000);
    expect(at).toBeLessThan(1200);
  });
});
