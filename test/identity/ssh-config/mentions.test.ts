import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readMentions } from "../../../src/identity/ssh-config/mentions.ts";

const folder = mkdtempSync(join(tmpdir(), "muxguard-mentions-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("each pattern of a Host line is a mention, where hosts are asked for, those of an Include too", () => {
  const [file, more] = [join(folder, "config"), join(folder, "more")];
  writeFileSync(file, `Host prod-db prod-web\n  User me\nInclude ${more}\n`);
  writeFileSync(more, "Host *.internal\n");
  const named = (keyword: string): string[] =>
    readMentions(new Set([keyword]), file).map(({ value }) => value);
  expect(named("host")).toEqual(["prod-db", "prod-web", "*.internal"]);
  expect(named("user")).toEqual(["me"]);
});
