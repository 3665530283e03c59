import { describe, expect, test } from "vitest";
import type { Decided } from "../../src/audit/event.ts";
import { Notices } from "../../src/daemon/notices.ts";
import type { Notification } from "../../src/policy/desktop.ts";
import { caller, login } from "../support/policy.ts";

function decided(fields: Partial<Decided> = {}): Decided {
  const fixed = { time: new Date(0), id: "k3f9x2", request: login, caller, waitedMs: 0 };
  return { ...fixed, decision: "allow", by: "rule:fetching from github", ...fields };
}

function makeNotices(...patterns: string[]) {
  const shown: Notification[] = [];
  const clock = { now: 0 };
  const desktop = {
    fault: undefined as string | undefined,
    warmUp: () => Promise.resolve(),
    unavailable: () => desktop.fault,
    show: (notification: Notification) => {
      shown.push(notification);
      return Promise.reject(new Error("nobody reads it"));
    },
  };
  const notices = new Notices({ patterns: () => patterns, desktop, now: () => clock.now });
  return { notices, shown, clock, desktop };
}

describe("a notice", () => {
  test("says what a rule allowed to whom, and has no buttons", () => {
    const { notices, shown } = makeNotices("fetching*");
    notices.decided(decided());
    expect(shown).toEqual([
      {
        title: "muxguard: allowed",
        text: [
          'log in to github.com as git with key "work"',
          "asked by: ssh (pid 4711), started by git ← bash",
          'because: rule "fetching from github"',
        ].join("\n"),
        buttons: [],
      },
    ]);
  });

  test.each<[string, Partial<Decided>]>([
    ["another rule allowed", { by: "rule:other" }],
    ["the rule denied", { decision: "deny" }],
    ["a person allowed", { by: "approver:terminal" }],
    ["the default allowed", { by: "default" }],
  ])("is not shown for what %s", (_, fields) => {
    const { notices, shown } = makeNotices("fetching*");
    notices.decided(decided(fields));
    expect(shown).toEqual([]);
  });

  test("is not shown unless a pattern asks for it", () => {
    const { notices, shown } = makeNotices();
    notices.decided(decided());
    expect(shown).toEqual([]);
  });

  test("comes every few seconds at most, and counts what it left out", () => {
    const { notices, shown, clock } = makeNotices("*");
    for (clock.now of [0, 1000, 2000, 6000, 12_000]) notices.decided(decided());
    expect(shown.map(({ text }) => text.split("\n")[3])).toEqual([
      undefined,
      "and 2 more since the last notice (muxguard log)",
      undefined,
    ]);
  });

  test("waits for a desktop", () => {
    const { notices, shown, desktop } = makeNotices("*");
    desktop.fault = "no session bus";
    notices.decided(decided());
    desktop.fault = undefined;
    notices.decided(decided());
    expect(shown.map(({ text }) => text)).toEqual([expect.stringContaining("and 1 more")]);
  });
});
