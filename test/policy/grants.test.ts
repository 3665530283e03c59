import { describe, expect, test } from "vitest";
import { type Granted, Grants } from "../../src/policy/grants.ts";

const given = (id: string, covered: string): Granted => ({
  id,
  covered: [covered],
  what: `what ${id} says`,
});

/** Grants with a clock that stands still until it is set. */
function atTime(start = 0): { grants: Grants; clock: { now: number } } {
  const clock = { now: start };
  return { grants: new Grants(() => clock.now), clock };
}

describe("a grant", () => {
  test("covers what it was given for, and nothing else", () => {
    const { grants } = atTime();
    grants.allow(given("id", "this"), { milliseconds: 1000 }, {});
    expect(grants.approval("this")).toBe("id");
    expect(grants.approval("that")).toBeUndefined();
  });

  test("that covers something else too is one answer, and ends for both", () => {
    const { grants } = atTime();
    grants.allow({ ...given("id", "this"), covered: ["this", "that"] }, { milliseconds: 1000 }, {});
    expect([grants.approval("this"), grants.approval("that")]).toEqual(["id", "id"]);
    expect([grants.size, grants.list().length]).toEqual([1, 1]);
    expect(grants.forget("id")).toBe(1);
    expect([grants.approval("this"), grants.approval("that")]).toEqual([undefined, undefined]);
  });

  test("ends at its time", () => {
    const { grants, clock } = atTime(500);
    grants.allow(given("id", "this"), { milliseconds: 1000 }, {});
    clock.now = 1499;
    expect(grants.approval("this")).toBeDefined();
    clock.now = 1500;
    expect(grants.approval("this")).toBeUndefined();
  });

  test("does not come back if the clock does", () => {
    const { grants, clock } = atTime();
    grants.allow(given("id", "this"), { milliseconds: 1000 }, {});
    clock.now = 1000;
    expect(grants.approval("this")).toBeUndefined();
    clock.now = 0;
    expect(grants.approval("this")).toBeUndefined();
  });

  test("is not lengthened by its use", () => {
    const { grants, clock } = atTime();
    grants.allow(given("id", "this"), { milliseconds: 1000 }, {});
    for (clock.now = 0; clock.now < 1000; clock.now += 100) expect(grants.approval("this")).toBeDefined();
    expect(grants.approval("this")).toBeUndefined();
  });

  test("of no time is none", () => {
    const { grants } = atTime();
    grants.allow(given("id", "this"), { milliseconds: 0 }, {});
    expect(grants.approval("this")).toBeUndefined();
  });

  test("for once is not kept", () => {
    const { grants } = atTime();
    expect(grants.allow(given("id", "this"), "once", { run: "run" })).toBe(false);
    expect(grants.approval("this")).toBeUndefined();
    expect(grants.size).toBe(0);
  });

  test("given again replaces the earlier one", () => {
    const { grants, clock } = atTime();
    grants.allow(given("first", "this"), { milliseconds: 1000 }, {});
    clock.now = 900;
    grants.allow(given("second", "this"), { milliseconds: 1000 }, {});
    clock.now = 1500;
    expect(grants.approval("this")).toBe("second");
    expect(grants.size).toBe(1);
  });

  test("that ended is not counted", () => {
    const { grants, clock } = atTime();
    grants.allow(given("a", "this"), { milliseconds: 1000 }, {});
    grants.allow(given("b", "that"), { milliseconds: 2000 }, {});
    expect(grants.size).toBe(2);
    clock.now = 1000;
    expect(grants.size).toBe(1);
  });
});

describe("a grant for a run", () => {
  test("lasts as long as the run", () => {
    const { grants, clock } = atTime();
    expect(grants.allow(given("id", "this"), "run", { run: "run-1" })).toBe(true);
    clock.now = 1e12;
    expect(grants.approval("this")).toBeDefined();
    grants.endRun("run-1");
    expect(grants.approval("this")).toBeUndefined();
  });

  test("outlives another run", () => {
    const { grants } = atTime();
    grants.allow(given("id", "this"), "run", { run: "run-1" });
    grants.endRun("run-2");
    expect(grants.approval("this")).toBeDefined();
  });

  test("is not given outside of one", () => {
    const { grants } = atTime();
    expect(grants.allow(given("id", "this"), "run", {})).toBe(false);
    expect(grants.approval("this")).toBeUndefined();
  });

  test("ends with it even if its time has not come", () => {
    const { grants } = atTime();
    grants.allow(given("timed", "this"), { milliseconds: 1000 }, { run: "run-1" });
    grants.allow(given("elsewhere", "that"), { milliseconds: 1000 }, {});
    grants.endRun("run-1");
    expect(grants.approval("this")).toBeUndefined();
    expect(grants.approval("that")).toBeDefined();
  });
});

describe("a grant for a login session", () => {
  test("lasts until that is over", () => {
    const { grants, clock } = atTime();
    let over = false;
    expect(grants.allow(given("id", "this"), "session", { sessionIsOver: () => over })).toBe(true);
    clock.now = 1e12;
    expect(grants.approval("this")).toBe("id");
    over = true;
    expect(grants.approval("this")).toBeUndefined();
    over = false;
    expect(grants.approval("this")).toBeUndefined();
  });

  test("is not given where nobody can say when that is", () => {
    const { grants } = atTime();
    expect(grants.allow(given("id", "this"), "session", { run: "run-1" })).toBe(false);
    expect(grants.size).toBe(0);
  });

  test("that was given for a time ends with its time alone", () => {
    const { grants } = atTime();
    grants.allow(given("id", "this"), { milliseconds: 1000 }, { sessionIsOver: () => true });
    expect(grants.approval("this")).toBe("id");
  });
});

describe("a denial", () => {
  test("stands against the same, until its time", () => {
    const { grants, clock } = atTime();
    grants.deny(given("id", "this"), 1000, {});
    expect([grants.denial("this"), grants.denial("that")]).toEqual(["id", undefined]);
    clock.now = 1000;
    expect(grants.denial("this")).toBeUndefined();
  });

  test("is no approval, and counts as none", () => {
    const { grants } = atTime();
    grants.deny(given("id", "this"), 1000, {});
    expect(grants.approval("this")).toBeUndefined();
    expect(grants.size).toBe(0);
  });

  test("ends with its run", () => {
    const { grants } = atTime();
    grants.deny(given("id", "this"), 1000, { run: "run-1" });
    grants.endRun("run-1");
    expect(grants.denial("this")).toBeUndefined();
  });
});

describe("what is remembered", () => {
  const some = (): ReturnType<typeof atTime> => {
    const parts = atTime();
    parts.grants.allow(given("abc", "one"), { milliseconds: 1000 }, {});
    parts.grants.allow(given("abd", "two"), "run", { run: "run-1" });
    parts.grants.allow(given("xyz", "three"), "session", { sessionIsOver: () => false });
    parts.grants.deny(given("xxx", "four"), 2000, {});
    return parts;
  };

  test("is listed in words, with what is left of it", () => {
    const { grants, clock } = some();
    clock.now = 400;
    expect(grants.list()).toEqual([
      { id: "abc", decision: "allow", what: "what abc says", left: 600 },
      { id: "abd", decision: "allow", what: "what abd says", left: "run" },
      { id: "xyz", decision: "allow", what: "what xyz says", left: "session" },
      { id: "xxx", decision: "deny", what: "what xxx says", left: 1600 },
    ]);
    clock.now = 1000;
    expect(grants.list().map(({ id }) => id)).toEqual(["abd", "xyz", "xxx"]);
  });

  test("is forgotten by the beginning of an id", () => {
    const { grants } = some();
    expect(grants.forget("ab")).toBe(2);
    expect(grants.list().map(({ id }) => id)).toEqual(["xyz", "xxx"]);
    expect(grants.forget("nothing")).toBe(0);
  });

  test("is forgotten all at once", () => {
    const { grants } = some();
    expect(grants.forget()).toBe(4);
    expect(grants.list()).toEqual([]);
  });
});

describe("an approval while something lasts", () => {
  const life = (isOver: () => boolean) => ({ lasting: { lasts: "connection" as const, isOver } });

  test("ends with it", () => {
    const { grants } = atTime();
    let isOver = false;
    const lasting = life(() => isOver);
    expect(grants.allow(given("id", "this"), "lasting", lasting)).toBe(true);
    expect(grants.approval("this")).toBe("id");
    expect(grants.list()).toMatchObject([{ left: "connection" }]);
    isOver = true;
    expect(grants.approval("this")).toBeUndefined();
    expect(grants.size).toBe(0);
  });

  test("ends at the latest when that is said", () => {
    const { grants, clock } = atTime();
    grants.allow(given("id", "this"), "lasting", { ...life(() => false), longest: 1000 });
    clock.now = 999;
    expect(grants.approval("this")).toBe("id");
    clock.now = 1000;
    expect(grants.approval("this")).toBeUndefined();
  });

  test("is none where nobody would see the end", () => {
    const { grants } = atTime();
    expect(grants.allow(given("id", "this"), "lasting", {})).toBe(false);
  });
});

describe("while approvals are suspended", () => {
  test("none counts, and each counts again afterwards", () => {
    const { grants, clock } = atTime();
    grants.allow(given("a", "this"), { milliseconds: 1000 }, {});
    grants.suspend();
    expect([grants.approval("this"), grants.hasNoApproval]).toEqual([undefined, true]);
    expect(grants.list()).toMatchObject([{ id: "a", suspended: true }]);
    grants.resume();
    expect(grants.approval("this")).toBe("a");
    expect(grants.list()[0]?.suspended).toBeUndefined();
    clock.now = 1000;
    expect(grants.approval("this")).toBeUndefined();
  });

  test("their time goes on, denials stand, and they can be forgotten", () => {
    const { grants, clock } = atTime();
    grants.allow(given("a", "this"), { milliseconds: 1000 }, {});
    grants.allow(given("b", "that"), { milliseconds: 5000 }, {});
    grants.deny(given("c", "never"), 5000, {});
    grants.suspend();
    clock.now = 2000;
    expect(grants.denial("never")).toBe("c");
    expect(grants.forget("b")).toBe(1);
    grants.resume();
    expect([grants.approval("this"), grants.approval("that")]).toEqual([undefined, undefined]);
  });
});
