import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ScreenState } from "../../../src/platform/dbus/screen-state.ts";

const LOCK_TAKES = 10_000;

describe("the state of the screen", () => {
  let heard: string[];
  let state: ScreenState;

  beforeEach(() => {
    vi.useFakeTimers();
    heard = [];
    const note = (word: string) => () => void heard.push(word);
    state = new ScreenState(
      { locked: note("locked"), unlocked: note("unlocked"), lost: note("lost") },
      LOCK_TAKES,
    );
  });
  afterEach(() => {
    state.close();
    vi.useRealTimers();
  });

  test("is locked until what said so says otherwise", () => {
    state.say("saver", true);
    state.say("saver", false);
    expect(heard).toEqual(["locked", "unlocked"]);
  });

  test("is unlocked when the last of several says so", () => {
    state.say("saver", true);
    state.say("session", true);
    state.say("saver", false);
    expect(heard).not.toContain("unlocked");
    state.say("session", false);
    expect(heard.at(-1)).toBe("unlocked");
  });

  test("is not unlocked by what did not say that it was locked", () => {
    state.say("saver", true);
    state.say("another", false);
    state.say("another", false);
    expect(heard).toEqual(["locked"]);
  });

  test("is lost where it is only asked to be locked, and nothing says that it was", () => {
    state.ask();
    expect(heard).toEqual(["locked"]);
    vi.advanceTimersByTime(LOCK_TAKES);
    expect(heard).toEqual(["locked", "lost"]);
  });

  test("is known where it is asked to be locked, and then is", () => {
    state.ask();
    state.say("session", true);
    vi.advanceTimersByTime(LOCK_TAKES);
    state.say("session", false);
    vi.advanceTimersByTime(LOCK_TAKES);
    expect(heard).toEqual(["locked", "locked", "unlocked"]);
  });

  test("is lost over a sleep without a lock", () => {
    state.sleep(true);
    expect(heard).toEqual(["locked"]);
    state.sleep(false);
    expect(heard).toEqual(["locked", "lost"]);
  });

  test("is known over a sleep with one, whichever comes first", () => {
    state.sleep(true);
    state.say("saver", true);
    state.sleep(false);
    expect(heard).not.toContain("lost");
    state.say("saver", false);
    expect(heard.at(-1)).toBe("unlocked");
  });

  test("is not unlocked while it sleeps", () => {
    state.say("saver", true);
    state.sleep(true);
    state.say("saver", false);
    expect(heard).not.toContain("unlocked");
    state.sleep(false);
    expect(heard.at(-1)).toBe("lost");
  });

  test("is lost with the bus that tells of it, and stays locked where another one says so", () => {
    state.say("saver a", true);
    state.lose("saver");
    expect(heard).toEqual(["locked", "lost"]);
    state.say("session a", true);
    state.say("saver a", true);
    state.lose("saver");
    expect(heard.slice(-2)).toEqual(["lost", "locked"]);
    state.say("session a", false);
    expect(heard.at(-1)).toBe("unlocked");
  });
});
