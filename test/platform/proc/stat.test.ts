/** Which change of /proc/PID/stat is of interest. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { saysTheSame } from "../../../src/platform/proc/stat.ts";

const REST = "-1 4194304 100 0 0 0 5 7 0 0 20 0 1 0 12345 2330624 400 18446744073709551615";
const ADDRESSES = "94000000 94010000 140720000 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0";
const TAIL = "94020000 94021000 94030000 140720100 140720200 140720200 140720300 0\n";

/** With the fields 1 to 7 as given. */
const stat = (head: string, rest = REST, tail = TAIL): Buffer =>
  Buffer.from(`${head} ${rest} ${ADDRESSES} ${tail}`);
const before = stat("17 (git) S 16 17 16 34816");

it("has the fields in the places that are meant", () => {
  const own = readFileSync("/proc/self/stat");
  expect(String(own).slice(String(own).lastIndexOf(")")).split(" ")).toHaveLength(
    String(before).slice(String(before).lastIndexOf(")")).split(" ").length,
  );
});

it.each<[string, Buffer]>([
  ["it runs", stat("17 (git) R 16 17 16 34816")],
  [
    "it took time and memory",
    stat("17 (git) S 16 17 16 34816", REST.replace("100 0 0 0 5 7", "9999 1 2 3 50 70")),
  ],
])("says the same where %s", (_, now) => {
  expect(saysTheSame(now, before)).toBe(true);
});

it.each<[string, Buffer]>([
  ["it has another parent", stat("17 (git) S 1 17 16 34816")],
  ["it is in another session", stat("17 (git) S 16 17 17 34816")],
  ["it has lost its terminal", stat("17 (git) S 16 17 16 0")],
  ["it has another name", stat("17 (gut) S 16 17 16 34816")],
  ["its name begins alike", stat("17 (git) S) S 16 17 16 34816")],
  ["its name looks like what follows it", stat("17 (git) S 16 17 16 34816 0) S 1 1 1 0")],
  [
    "its arguments are elsewhere",
    stat("17 (git) S 16 17 16 34816", REST, TAIL.replace("140720100", "140720108")),
  ],
  ["its data is elsewhere", stat("17 (git) S 16 17 16 34816", REST, TAIL.replace("94020000", "94020008"))],
  ["it has ended", stat("17 (git) Z 16 17 16 34816")],
  ["it is as good as gone", stat("17 (git) X 16 17 16 34816")],
  ["it is cut off", before.subarray(0, 20)],
  ["nothing is there", Buffer.alloc(0)],
])("does not say the same where %s", (_, now) => {
  expect(saysTheSame(now, before)).toBe(false);
});
