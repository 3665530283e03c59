import { describe, expect, test } from "vitest";
import { Turns } from "../../src/guard/turns.ts";

/** A clock that stands still until it is moved. */
function clocked(): { turns: Turns; pass(milliseconds: number): void } {
  let now = 0;
  const pass = (milliseconds: number): void => {
    now += milliseconds;
  };
  return { turns: new Turns(() => now), pass };
}

/** A round in which nobody may go on any more. */
function usedUp(): Turns {
  const { turns, pass } = clocked();
  void turns.next(false);
  pass(1000);
  return turns;
}

const round = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Names in the order in which they are let go on. */
function queue(turns: Turns): { came: string[]; wait(name: string, hadOne: boolean): void } {
  const came: string[] = [];
  const wait = (name: string, hadOne: boolean): void => {
    const turn = turns.next(hadOne);
    if (turn) void turn.then(() => came.push(name));
    else came.push(`${name} at once`);
  };
  return { came, wait };
}

describe("a turn", () => {
  test("is had at once until the time is up, and again when the event loop went round", async () => {
    const { turns, pass } = clocked();
    expect(turns.next(false)).toBeUndefined();
    pass(1);
    expect(turns.next(true)).toBeUndefined();
    pass(5);
    expect(turns.next(true)).toBeInstanceOf(Promise);
    await round();
    await round();
    expect(turns.next(true)).toBeUndefined();
  });

  test("is not had before those who wait for it", async () => {
    const { came, wait } = queue(usedUp());
    for (let at = 0; at < 20; at++) wait(`${at}`, true);
    await round();
    wait("late", true);
    await round();
    await round();
    expect(came).toEqual([...Array.from({ length: 20 }, (_, at) => `${at}`), "late"]);
  });

  test("comes first to who has not sent ahead, and to the others too", async () => {
    const { came, wait } = queue(usedUp());
    for (let at = 0; at < 20; at++) wait(`ahead ${at}`, true);
    for (let at = 0; at < 20; at++) wait(`new ${at}`, false);
    await round();
    expect(came.slice(0, 6)).toEqual(Array.from({ length: 6 }, (_, at) => `new ${at}`));
    expect(came.slice(6)).toEqual(["ahead 0", "ahead 1"]);
  });
});
