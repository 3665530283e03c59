/** What waits for a place beside the log's file: it holds up nobody, and is told where it is not taken. */
import { describe, expect, it } from "vitest";
import { until } from "../../../lab/lab.ts";
import type { Entry, Place } from "../../../src/daemon/second-place/place.ts";
import { PlaceQueue } from "../../../src/daemon/second-place/queue.ts";

const entry = (id: number): Entry => ({
  ...{ json: "{}", time: new Date(0), decision: "allow", kind: "sign" },
  id: String(id),
});

class Taker implements Place {
  readonly name = "place";
  readonly most = 10;
  isBroken = false;
  readonly taken: string[] = [];

  async send(entries: readonly Entry[]): Promise<void> {
    if (this.isBroken) throw new Error("nobody there");
    this.taken.push(...entries.map(({ id }) => id));
  }
}

describe("a place beside the log's file", () => {
  it("takes entries in their order, some at once", async () => {
    const place = new Taker();
    const queue = new PlaceQueue(place, () => {});
    for (let id = 0; id < 25; id++) queue.add(entry(id));
    expect(place.taken).toEqual([]);
    await queue.close();
    expect(place.taken).toEqual(Array.from({ length: 25 }, (_, id) => String(id)));
  });

  it("that is broken is told, keeps a thousand for it, and says how many are lost", async () => {
    const place = new Taker();
    place.isBroken = true;
    let told: string | undefined;
    const queue = new PlaceQueue(place, (fault) => (told = fault), 1);
    queue.add(entry(0));
    await until(() => told !== undefined, "the fault");
    expect(told).toBe("place takes no entries of the log (nobody there): they wait");
    for (let id = 1; id < 1005; id++) queue.add(entry(id));
    place.isBroken = false;
    await until(() => place.taken.length === 1000, "the rest");
    expect(place.taken[0]).toBe("5");
    await until(() => told === "place takes entries again; 5 are lost there", "the end of it");
    await queue.close();
  });

  it("that never answers holds up the end of the guard for a second at most", async () => {
    const never: Place = { name: "never", most: 1, send: () => new Promise(() => {}) };
    const queue = new PlaceQueue(never, () => {});
    queue.add(entry(0));
    const began = performance.now();
    await queue.close();
    expect(performance.now() - began).toBeLessThan(5000);
  });
});
