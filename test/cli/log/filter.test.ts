/** Entries are filtered by their text as it stands in the file: the same as by what they say. */
import { expect, it } from "vitest";
import { filterOf } from "../../../src/cli/log/filter.ts";
import { Chance } from "../../policy/lookup/random.ts";

const PIECES = ["[", "]", ",", '"', "\\", "a", "make", "/"];

it("finds a program among those that led to it, whatever is in their names", () => {
  const chance = new Chance(7);
  const { takes } = filterOf({ program: "make" });
  const name = (): string => chance.some(PIECES, 4).join("");
  const isMake = (path: string): boolean => path.slice(path.lastIndexOf("/") + 1) === "make";
  let found = 0;
  for (let round = 0; round < 20_000; round++) {
    const ancestors = chance.some([name(), name(), name()], 3);
    const caller = { pid: 1, exe: "/usr/bin/ssh", ancestors, programs: [name(), "make"] };
    const line = JSON.stringify({ time: "", caller });
    if (ancestors.some(isMake)) found++;
    expect({ line, takes: takes(line) }).toEqual({ line, takes: ancestors.some(isMake) });
  }
  expect(found).toBeGreaterThan(100);
});
