import { describe, expect, test } from "vitest";
import { Grants } from "../../src/policy/grants.ts";

/** Grants with a clock that stands still until it is set. */
function atTime(start = 0): { grants: Grants; clock: { now: number } } {
  const clock = { now: start };
  return { grants: new Grants(() => clock.now), clock };
}

describe("a grant", () => {
  test("covers what it was given for, and nothing else", () => {
    const { grants } = atTime();
    grants.add("id", "this", { milliseconds: 1000 }, undefined);
    expect(grants.find("this")?.id).toBe("id");
    expect(grants.find("that")).toBeUndefined();
  });

  test("ends at its time", () => {
    const { grants, clock } = atTime(500);
    grants.add("id", "this", { milliseconds: 1000 }, undefined);
    clock.now = 1499;
    expect(grants.find("this")).toBeDefined();
    clock.now = 1500;
    expect(grants.find("this")).toBeUndefined();
  });

  test("does not come back if the clock does", () => {
    const { grants, clock } = atTime();
    grants.add("id", "this", { milliseconds: 1000 }, undefined);
    clock.now = 1000;
    expect(grants.find("this")).toBeUndefined();
    clock.now = 0;
    expect(grants.find("this")).toBeUndefined();
  });

  test("is dropped with all others when all are to be forgotten", () => {
    const { grants } = atTime();
    grants.add("id", "this", { milliseconds: 1000 }, undefined);
    grants.add("id2", "that", "run", "r1");
    grants.clear();
    expect([grants.find("this"), grants.find("that"), grants.size]).toEqual([undefined, undefined, 0]);
  });

  test("is not lengthened by its use", () => {
    const { grants, clock } = atTime();
    grants.add("id", "this", { milliseconds: 1000 }, undefined);
    for (clock.now = 0; clock.now < 1000; clock.now += 100) expect(grants.find("this")).toBeDefined();
    expect(grants.find("this")).toBeUndefined();
  });

  test("of no time is none", () => {
    const { grants } = atTime();
    grants.add("id", "this", { milliseconds: 0 }, undefined);
    expect(grants.find("this")).toBeUndefined();
  });

  test("for once is not kept", () => {
    const { grants } = atTime();
    expect(grants.add("id", "this", "once", "run")).toBe(false);
    expect(grants.find("this")).toBeUndefined();
    expect(grants.size).toBe(0);
  });

  test("given again replaces the earlier one", () => {
    const { grants, clock } = atTime();
    grants.add("first", "this", { milliseconds: 1000 }, undefined);
    clock.now = 900;
    grants.add("second", "this", { milliseconds: 1000 }, undefined);
    clock.now = 1500;
    expect(grants.find("this")?.id).toBe("second");
    expect(grants.size).toBe(1);
  });

  test("that ended is not counted", () => {
    const { grants, clock } = atTime();
    grants.add("a", "this", { milliseconds: 1000 }, undefined);
    grants.add("b", "that", { milliseconds: 2000 }, undefined);
    expect(grants.size).toBe(2);
    clock.now = 1000;
    expect(grants.size).toBe(1);
  });
});

describe("a grant for a run", () => {
  test("lasts as long as the run", () => {
    const { grants, clock } = atTime();
    expect(grants.add("id", "this", "run", "run-1")).toBe(true);
    clock.now = 1e12;
    expect(grants.find("this")).toBeDefined();
    grants.endRun("run-1");
    expect(grants.find("this")).toBeUndefined();
  });

  test("outlives another run", () => {
    const { grants } = atTime();
    grants.add("id", "this", "run", "run-1");
    grants.endRun("run-2");
    expect(grants.find("this")).toBeDefined();
  });

  test("is not given outside of one", () => {
    const { grants } = atTime();
    expect(grants.add("id", "this", "run", undefined)).toBe(false);
    expect(grants.find("this")).toBeUndefined();
  });

  test("ends with it even if its time has not come", () => {
    const { grants } = atTime();
    grants.add("timed", "this", { milliseconds: 1000 }, "run-1");
    grants.add("elsewhere", "that", { milliseconds: 1000 }, undefined);
    grants.endRun("run-1");
    expect(grants.find("this")).toBeUndefined();
    expect(grants.find("that")).toBeDefined();
  });
});
