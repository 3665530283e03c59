/** Entries about what others bring about in any number. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Decided } from "../../src/audit/event.ts";
import { FaultLog } from "../../src/daemon/fault-log.ts";
import { makeBroker } from "../support/guard.ts";
import { caller } from "../support/policy.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function open(): { faults: FaultLog; log: Decided[]; reasons: () => (string | undefined)[] } {
  const { broker, log } = makeBroker();
  return { faults: new FaultLog(broker), log, reasons: () => log.map(({ reason }) => reason) };
}

describe("what fails without a request", () => {
  it("is an entry of its own, with who it was where that is known", () => {
    const { faults, log } = open();
    faults.note("use-socket", "uid", "uid 0 came", () => caller);
    expect(log).toMatchObject([
      {
        decision: "deny",
        by: "fault:uid",
        reason: "uid 0 came",
        caller,
        request: { operation: "use-socket" },
      },
    ]);
  });

  it("can't fill the log: a flood is six entries a minute, of which the last counts", () => {
    const { faults, reasons } = open();
    for (let count = 1; count <= 10_000; count++) faults.note("use-socket", "uid", `uid ${count}`);
    expect(reasons()).toEqual(["uid 1", "uid 2", "uid 3", "uid 4", "uid 5"]);
    vi.advanceTimersByTime(60_000);
    expect(reasons().slice(5)).toEqual(["9995 more in the last minute, the last: uid 10000"]);
    vi.advanceTimersByTime(600_000);
    expect(reasons()).toHaveLength(6);
  });

  it("doesn't cost more than that either: who it was is not looked up for what is only counted", () => {
    const { faults } = open();
    const look = vi.fn(() => caller);
    for (let count = 0; count < 1000; count++) faults.note("use-socket", "uid", "uid 0", look);
    expect(look).toHaveBeenCalledTimes(5);
  });

  it("hides nothing of another kind", () => {
    const { faults, log } = open();
    for (let count = 0; count < 100; count++) faults.note("use-socket", "uid", "uid 0");
    faults.note("use-upstream", "upstream", "the upstream agent /a is missing");
    expect(log.at(-1)).toMatchObject({ by: "fault:upstream", request: { operation: "use-upstream" } });
  });
});
