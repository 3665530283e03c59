import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { addRule } from "../../src/settings/approved-rules.ts";
import { checkSettings } from "../../src/settings/toml-file.ts";
import { rule } from "../support/policy.ts";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mg-"));
  file = join(folder, "approved.toml");
});
afterEach(() => rmSync(folder, { recursive: true }));

const names = (path = file): unknown => {
  const settings = checkSettings(path, "policy");
  return "rule" in settings ? settings.rule?.map(({ name }) => name) : undefined;
};

test("the first rule makes the file, for the user alone", async () => {
  await addRule(file, rule({ name: 'a "quoted" one', host: "github.com" }));
  expect(names()).toEqual(['a "quoted" one']);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder)).toEqual(["approved.toml"]);
});

test("a rule is added behind what is there, which stays as it is", async () => {
  const present = '# mine\n[[rule]]\nname = "mine"   # with a remark\naction = "allow"';
  writeFileSync(file, present, { mode: 0o600 });
  await addRule(file, rule({ name: "new" }));
  expect(names()).toEqual(["mine", "new"]);
  expect(readFileSync(file, "utf8").startsWith(`${present}\n`)).toBe(true);
});

test("the same rule is written once", async () => {
  for (const _ of [1, 2]) await addRule(file, rule({ name: "new" }));
  expect(names()).toEqual(["new"]);
});

test("rules that come at the same time are all written", async () => {
  const all = Array.from({ length: 8 }, (_, at) => `rule ${at}`);
  await Promise.all(all.map((name) => addRule(file, rule({ name }))));
  expect(new Set(names() as string[])).toEqual(new Set(all));
});

test("a file that is no policy is left as it is", async () => {
  writeFileSync(file, "[[rule\n", { mode: 0o600 });
  await expect(addRule(file, rule({ name: "new" }))).rejects.toThrow(/approved\.toml/);
  expect(readFileSync(file, "utf8")).toBe("[[rule\n");
  expect(readdirSync(folder)).toEqual(["approved.toml"]);
});

test("a link stays one", async () => {
  const real = join(folder, "real.toml");
  writeFileSync(real, "", { mode: 0o600 });
  symlinkSync(real, file);
  await addRule(file, rule({ name: "new" }));
  expect(names(real)).toEqual(["new"]);
  expect(readdirSync(folder).sort()).toEqual(["approved.toml", "real.toml"]);
});

test("what a guard left behind that crashed is no obstacle", async () => {
  writeFileSync(`${file}.new`, "half");
  utimesSync(`${file}.new`, 0, 0);
  await addRule(file, rule({ name: "new" }));
  expect(names()).toEqual(["new"]);
});
