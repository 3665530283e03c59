/** What the stream has of a machine's log: read, put together, and looked at. The seals themselves: test/peer. */
import { expect, it } from "vitest";
import { CHAIN_START, follow, linked } from "../../src/audit/chain.ts";
import { hashOf } from "../../src/fleet/log/place.ts";
import type { Message } from "../../src/fleet/log/stream.ts";
import { LogVerifier } from "../../src/fleet/log/verified.ts";

const TIME = Date.parse("2026-11-29T22:00:00.000Z");
const MINUTE = 60_000;

function lines(...ids: string[]): Buffer[] {
  let end = CHAIN_START;
  return ids.map((id) => {
    const json = JSON.stringify({ time: new Date(TIME).toISOString(), id });
    const line = Buffer.from(linked(json, end));
    end = follow(end, line);
    return line;
  });
}

function seal(over: Buffer, machine = "build1"): Buffer {
  const time = new Date(TIME).toISOString();
  const signed = JSON.stringify({ v: 1, machine, seq: 1, hash: hashOf(over), time });
  return Buffer.from(JSON.stringify({ signed, signature: "" }));
}

/** @param good whether seals are the machine's own */
async function look(parts: (Buffer | Partial<Message>)[], now = TIME, good = true) {
  const verifier = new LogVerifier(async () => {
    if (!good) throw new Error("another key");
  });
  const shown: string[] = [];
  for (const [index, part] of parts.entries()) {
    const given = Buffer.isBuffer(part) ? { data: part } : part;
    const message = { machine: "build1", at: index + 1, data: Buffer.alloc(0), isSeal: false, ...given };
    const line = verifier.add(message);
    if (line) shown.push(JSON.parse(line.toString()).id);
  }
  return { shown, ...(await verifier.result(now)) };
}

const [a, b, c] = lines("a", "b", "c") as [Buffer, Buffer, Buffer];
const sealed = (over: Buffer): Partial<Message> => ({ data: seal(over), isSeal: true });

it("shows a line that comes twice once", async () => {
  expect(await look([a, b, b, a, c, sealed(c)])).toMatchObject({
    shown: ["a", "b", "c"],
    faults: [],
    unsealed: 0,
  });
});

it("puts the pieces of a long line together, also where the first came twice", async () => {
  const pieces = [a.subarray(0, 9), a.subarray(9)].map((data, index) => ({
    data,
    piece: { number: index + 1, of: 2 },
  }));
  const [first, second] = pieces as [Partial<Message>, Partial<Message>];
  expect(await look([first, first, second, b])).toMatchObject({ shown: ["a", "b"], faults: [] });
});

it("names entries that have no seal once it should have come, whatever time they say", async () => {
  // the machine's clock, and that of whoever looks, may be off by five minutes each
  for (const now of [TIME, TIME + 11 * MINUTE, TIME - 11 * MINUTE])
    expect(await look([a, sealed(a), b], now)).toMatchObject({ unsealed: 1, isOverdue: false });
  for (const now of [TIME + 13 * MINUTE, TIME - 13 * MINUTE])
    expect(await look([a, sealed(a), b], now)).toMatchObject({ unsealed: 1, isOverdue: true });
  expect(await look([a, b], TIME + 13 * MINUTE)).toMatchObject({ unsealed: 2, isOverdue: true });
});

it("takes the seal before for one that does not count, and names that", async () => {
  const found = await look([a, sealed(a), b, sealed(b)], TIME, false);
  expect(found.faults.map(({ at }) => at)).toEqual([2, 4]);
  expect(found).toMatchObject({ unsealed: 2 });
});

it("names a seal over another entry, and what is none", async () => {
  const found = await look([a, sealed(b), { data: Buffer.from("{}"), isSeal: true }]);
  expect(found.faults.map(({ at }) => at)).toEqual([2, 3]);
});

it("names a log that begins anew, as whoever removed it would have it", async () => {
  const [again] = lines("z") as [Buffer];
  const found = await look([a, b, sealed(b), again, sealed(again)]);
  expect(found.faults).toEqual([{ at: 4, what: "the machine's log begins anew here" }]);
  expect(found).toMatchObject({ unsealed: 0 });
});

it("is not taken in by a line that looks like a seal, nor by two lines in one", async () => {
  const found = await look([a, Buffer.concat([b, Buffer.from("\n"), c])]);
  expect(found.faults).toEqual([{ at: 2, what: "is no line of a log" }]);
  expect(await look([{ data: seal(a) }])).toMatchObject({ entries: 1, unsealed: 1 });
});
