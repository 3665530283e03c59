/** Who must not be asked for a confined run: whom it could answer for. */
import { describe, expect, it } from "vitest";
import type { Approver } from "../../src/approver/approver.ts";
import { hasAbstractX, outOfReach } from "../../src/daemon/confined.ts";

const approver = (kind: string, unavailable?: string): Approver => ({
  kind,
  unavailable: () => unavailable,
  ask: () => Promise.reject(new Error("nobody asks")),
});

const desktop = ["notification", "askpass"];
const others = ["tmux", "command"];
const all = [...desktop, ...others];

function left(
  reach: { network: boolean; desktop: boolean } | undefined,
  approvers = all,
  unavailable?: string,
) {
  const said: string[] = [];
  const known = all.map((kind) => approver(kind, unavailable));
  const options = { config: { approvers }, environment: {} };
  const kept = outOfReach(known, reach, options, (line) => said.push(line)).map(({ kind }) => kind);
  return { kept, said };
}

describe("for a run that may use the desktop", () => {
  it("nobody is asked there, others are, and that is said", () => {
    const { kept, said } = left({ network: true, desktop: true });
    expect(kept).toEqual(others);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/^muxguard: not asked for this run on the desktop: .*; desktop = false/);
  });

  it.each([
    ["config.toml names none of them", others, undefined],
    ["there is no desktop", all, "no DISPLAY"],
  ])("nothing is said where %s", (_, approvers, unavailable) => {
    expect(left({ network: true, desktop: true }, approvers, unavailable).said).toEqual([]);
  });
});

it("for a run that is not confined, or that reaches no display, all are asked", () => {
  expect(left(undefined)).toEqual({ kept: all, said: [] });
  expect(left({ network: true, desktop: false })).toEqual({ kept: all, said: [] });
});

it.each([
  [":0", true],
  [":0.0", true],
  ["unix:0", true],
  [":1", false],
  ["localhost:0", false],
  [undefined, false],
])("the display %j has an abstract socket: %s", (display, isThere) => {
  const unix =
    "0: 2 0 0 1 1 5 @/tmp/.X11-unix/X0\n1: 2 0 0 1 1 5 /tmp/.X11-unix/X1\n2: 2 0 0 1 1 5 @/tmp/.X11-unix/X10\n";
  expect(hasAbstractX(display, () => unix)).toBe(isThere);
});
