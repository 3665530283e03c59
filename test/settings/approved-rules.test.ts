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
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { addRule, approvedRules, removeRule } from "../../src/settings/approved-rules.ts";
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

/** As a person might write it: comments everywhere, other ways to write the same. */
const people = `# what I approved
default = "ask"   # never more

# for the deploys
[[rule]]
name = "always: b"   # with a remark
# between its lines
command = ["echo [[rule]]", """
# no comment
[[rule]]
"""]
action = "allow"   # the last

# about the next one
  [[ "rule" ]]
  name = 'mine'
  action = 'allow'
[[rule]]
name = "last"
action = "allow"
# the end`;

const idOf = (name: string): string =>
  approvedRules(file).find(({ rule }) => rule.name === name)?.id ?? "none";

describe("a rule that is taken away", () => {
  const left: [string, string, string][] = [
    [
      "always: b",
      people.slice(0, people.indexOf("[[rule]]")),
      people.slice(people.indexOf("\n# about the next one")),
    ],
    [
      "mine",
      people.slice(0, people.indexOf('  [[ "rule" ]]')),
      people.slice(people.indexOf('[[rule]]\nname = "last"')),
    ],
    ["last", people.slice(0, people.indexOf('[[rule]]\nname = "last"')), "# the end"],
  ];

  test.each(left)("leaves everything else as it is, byte for byte: %s", async (name, before, after) => {
    for (const text of [people, people.replaceAll("\n", "\r\n")]) {
      writeFileSync(file, text, { mode: 0o600 });
      expect(await removeRule(file, idOf(name))).toMatchObject({ name });
      const rest = before + after;
      expect(readFileSync(file, "utf8")).toBe(text === people ? rest : rest.replaceAll("\n", "\r\n"));
      expect(readdirSync(folder)).toEqual(["approved.toml"]);
    }
  });

  test("that an answer added leaves the file as it was before", async () => {
    for (const present of [undefined, `${people}\n`]) {
      if (present !== undefined) writeFileSync(file, present, { mode: 0o600 });
      await addRule(file, rule({ name: "kept" }));
      const before = readFileSync(file, "utf8");
      await addRule(file, rule({ name: "new", host: "github.com" }));
      await removeRule(file, idOf("new"));
      expect(readFileSync(file, "utf8")).toBe(before);
    }
  });

  test("has an id of its own, which is the same when others go, and whoever wrote it", async () => {
    for (const name of ["a", "b", "c"]) await addRule(file, rule({ name }));
    const before = new Map(approvedRules(file).map(({ id, rule }) => [rule.name, id]));
    expect(new Set(before.values()).size).toBe(3);
    for (const id of before.values()) expect(id).toMatch(/^[a-z0-9]{6}$/);
    await removeRule(file, before.get("a") ?? "");
    expect([idOf("b"), idOf("c")]).toEqual([before.get("b"), before.get("c")]);
    writeFileSync(file, "[[rule]]\n  action='allow'\n  name='b'\n", { mode: 0o600 });
    expect(idOf("b")).toBe(before.get("b"));
  });

  test("is gone with what says the same again: it would still be allowed", async () => {
    const twice = '[[rule]]\nname = "a"\naction = "allow"\n';
    writeFileSync(file, `${twice}\n[[rule]]\nname = "b"\naction = "allow"\n\n${twice}`, { mode: 0o600 });
    await removeRule(file, idOf("a"));
    expect(names()).toEqual(["b"]);
  });

  test("is not found by another id, and then nothing is written", async () => {
    expect(await removeRule(file, "nothing")).toBeUndefined();
    await addRule(file, rule({ name: "a" }));
    const before = statSync(file);
    expect(await removeRule(file, "nothing")).toBeUndefined();
    expect(statSync(file)).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
  });

  test("in one line with others is left to whoever wrote it, who is told where it is", async () => {
    const text =
      'default = "ask"\nrule = [{ name = "a", action = "allow" }, { name = "b", action = "deny" }]\n';
    writeFileSync(file, text, { mode: 0o600 });
    await expect(removeRule(file, idOf("a"))).rejects.toThrow(
      /approved\.toml:2: this rule can't be taken away alone; delete it there$/,
    );
    expect(readFileSync(file, "utf8")).toBe(text);
  });

  test("goes while others come: none of these is lost", async () => {
    await addRule(file, rule({ name: "old" }));
    const all = Array.from({ length: 6 }, (_, at) => `rule ${at}`);
    await Promise.all([...all.map((name) => addRule(file, rule({ name }))), removeRule(file, idOf("old"))]);
    expect(new Set(names() as string[])).toEqual(new Set(all));
  });

  test("is not taken from a file that is no policy, which stays as it is", async () => {
    writeFileSync(file, "[[rule\n", { mode: 0o600 });
    await expect(removeRule(file, "abcdef")).rejects.toThrow(/approved\.toml/);
    expect(readFileSync(file, "utf8")).toBe("[[rule\n");
  });
});
