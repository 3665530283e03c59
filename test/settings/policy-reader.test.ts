/** A policy that changes while requests are decided by it. */
import { describe, expect, it } from "vitest";
import type { Policy } from "../../src/policy/policy.ts";
import { watchPolicy } from "../../src/settings/policy-reader.ts";
import { policy } from "../support/policy.ts";

const [allow, deny, ask] = (["allow", "deny", "ask"] as const).map((name) => policy([], { default: name }));

/** Files that a test changes, and whose reading it lets come to an end. */
class Files {
  readonly readings: (() => void)[] = [];
  readonly told: (string | undefined)[] = [];
  now = 1000;
  #content: Policy | Error;
  #changes = 0;

  constructor(content: Policy) {
    this.#content = content;
  }

  change(content: Policy | Error): void {
    this.#content = content;
    this.#changes++;
  }

  watch() {
    const watched = watchPolicy({
      // each change has times of its own, and is long ago when it is seen: at-rest.test.ts has the others
      files: { stamp: () => `policy.toml ${this.#changes} size`, changedAt: () => 0 },
      read: () => {
        // what a file says is taken when the reading begins
        const content = this.#content;
        return new Promise((resolve, reject) => {
          this.readings.push(() => (content instanceof Error ? reject(content) : resolve(content)));
        });
      },
      asksAfter: () => 300_000,
      now: () => this.now,
      edges: { now: () => this.now, date: Date.now, wait: async () => {} },
    });
    watched.listen((broken) => void this.told.push(broken?.reason));
    return watched;
  }

  /** Lets the reading with this number end, once it has begun; it may never begin, where that took too long. */
  async end(number: number): Promise<void> {
    for (let turn = 0; this.readings.length < number && turn < 100; turn++) await Promise.resolve();
    this.readings[number - 1]?.();
  }
}

async function loaded(content = allow as Policy) {
  const files = new Files(content);
  const watched = files.watch();
  const first = watched.load();
  await files.end(1);
  await first;
  return { files, watched };
}

describe("a policy", () => {
  it("is not read again as long as its files stay as they are", async () => {
    const { files, watched } = await loaded();
    expect(watched.current()).toBe(allow);
    expect(files.readings).toHaveLength(1);
  });

  it("that changes from allow to deny denies both of two requests that come at once", async () => {
    const { files, watched } = await loaded();
    files.change(deny as Policy);
    const both = [watched.current(), watched.current()];
    await files.end(2);
    expect(await Promise.all(both)).toEqual([deny, deny]);
    expect(files.readings).toHaveLength(2);
    expect(watched.current()).toBe(deny);
  });

  it("that changes again while it is read is read again before it decides", async () => {
    const { files, watched } = await loaded();
    files.change(ask as Policy);
    const before = watched.current();
    files.change(deny as Policy);
    const after = watched.current();
    await files.end(2);
    await files.end(3);
    expect(await Promise.all([before, after])).toEqual([deny, deny]);
  });

  it("that is broken stays as it was, which is told once", async () => {
    const { files, watched } = await loaded();
    files.change(new Error("policy.toml:1: nonsense"));
    const both = [watched.current(), watched.current()];
    await files.end(2);
    expect(await Promise.all(both)).toEqual([allow, allow]);
    expect(watched.current()).toBe(allow);
    expect(files.told).toEqual(["policy.toml:1: nonsense"]);
    expect(watched.broken()).toMatchObject({ reason: "policy.toml:1: nonsense" });
    files.change(deny as Policy);
    const mended = watched.current();
    await files.end(3);
    expect(await mended).toBe(deny);
    expect(files.told).toEqual(["policy.toml:1: nonsense", undefined]);
    expect(watched.broken()).toBeUndefined();
  });

  it("that is broken for too long is known to be, from its first mistake on, until it is mended", async () => {
    const { files, watched } = await loaded();
    files.change(new Error("a mistake"));
    const first = watched.current();
    await files.end(2);
    expect(await first).toBe(allow);
    files.now += 299_999;
    expect(watched.current()).toBe(allow);
    files.change(new Error("another mistake"));
    const second = watched.current();
    await files.end(3);
    expect(await second).toBe(allow);
    files.now += 1;
    expect(watched.current()).toEqual({ ...allow, isBroken: true });
    files.change(allow as Policy);
    const mended = watched.current();
    await files.end(4);
    expect(await mended).toBe(allow);
    expect(watched.current()).toBe(allow);
  });

  it("that is broken only as long as it is written is not told of", async () => {
    const { files, watched } = await loaded();
    files.change(new Error("half of a file"));
    const current = watched.current();
    files.change(deny as Policy);
    await files.end(2);
    await files.end(3);
    expect(await current).toBe(deny);
    expect(files.told).toEqual([]);
  });

  it("that never comes to rest decides nothing", async () => {
    const { files, watched } = await loaded();
    files.change(deny as Policy);
    const current = Promise.resolve(watched.current()).catch((error: Error) => error.message);
    for (let reading = 2; reading <= 5; reading++) {
      files.change(deny as Policy);
      files.now += 500;
      await files.end(reading);
    }
    expect(await current).toMatch(/being written all the time/);
  });

  it("that is broken at first is not loaded, and is told of when something is decided", async () => {
    const files = new Files(allow as Policy);
    files.change(new Error("nonsense"));
    const watched = files.watch();
    const loading = watched.load().catch((error: Error) => error.message);
    await files.end(1);
    expect(await loading).toBe("nonsense");
    expect(files.told).toEqual(["nonsense"]);
  });
});
