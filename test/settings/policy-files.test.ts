/** The policy's files: which count, what they are, and what becomes of a change. */
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeFifo } from "../../src/platform/libc/descriptors.ts";
import type { Paths } from "../../src/settings/paths.ts";
import { filePolicy, type PolicySource, userPolicy } from "../../src/settings/policy-files.ts";
import type { SettingsError } from "../../src/settings/settings-error.ts";

let folder: string;
let paths: Paths;
let reports: string[];
let source: PolicySource;

const rule = (name: string, action = "deny"): string => `[[rule]]\nname = "${name}"\naction = "${action}"\n`;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mg-"));
  paths = { config: folder, state: folder } as Paths;
  reports = [];
  source = userPolicy(paths, { brokenPolicyAfter: 300_000 });
  source.listen((broken) => broken && reports.push(broken.reason));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

async function names(): Promise<string[]> {
  return (await source.current()).rules.map(({ name }) => name);
}

describe("the user's policy", () => {
  it("is empty where there are no files", async () => {
    await source.load();
    expect(source.current()).toEqual({ default: "ask", rules: [], approved: [] });
  });

  it("is policy.toml, then what policy.d has in the order of names; approved.toml stands apart", async () => {
    mkdirSync(join(folder, "policy.d"));
    write("policy.d/b.toml", rule("second"));
    write("policy.d/a.toml", `default = "deny"\n${rule("first")}`);
    write("policy.d/c.txt", "no policy");
    write("policy.toml", rule("own"));
    write("approved.toml", rule("approved", "allow"));
    await source.load();
    const { default: action, approved } = await source.current();
    expect(await names()).toEqual(["own", "first", "second"]);
    expect([action, approved.map(({ name }) => name)]).toEqual(["deny", ["approved"]]);
  });

  it("changes with its files, for all of the requests that come next", async () => {
    write("policy.toml", rule("all", "allow"));
    await source.load();
    write("policy.toml", rule("none", "deny"));
    const both = await Promise.all([source.current(), source.current()]);
    expect(both.map(({ rules }) => rules[0]?.action)).toEqual(["deny", "deny"]);
  });

  it.each(["policy.toml", "policy.d/a.toml", "approved.toml"])(
    "is never half of what is written in its place, which may lack a denial: %s",
    async (name) => {
      mkdirSync(join(folder, "policy.d"));
      const path = write(name, rule("all", "allow") + rule("before"));
      await source.load();
      const fd = openSync(path, "w");
      const atOnce = source.current();
      writeSync(fd, rule("all", "allow"));
      const inBetween = source.current();
      await wait(20);
      writeSync(fd, rule("after"));
      closeSync(fd);
      for (const policy of await Promise.all([atOnce, inBetween, source.current()]))
        expect([...policy.rules, ...policy.approved].map((one) => one.name)).toEqual(["all", "after"]);
    },
  );

  it("may be a link to a file elsewhere, as dotfiles are", async () => {
    symlinkSync(write("elsewhere", rule("linked")), join(folder, "policy.toml"));
    await source.load();
    expect(await names()).toEqual(["linked"]);
    chmodSync(join(folder, "elsewhere"), 0o666);
    expect(await names()).toEqual(["linked"]);
    expect(reports).toEqual([expect.stringMatching(/policy\.toml: others may write to it/)]);
  });

  it("stays as it was where a FIFO appears among its files, and nobody waits for its writer", async () => {
    mkdirSync(join(folder, "policy.d"));
    write("policy.toml", rule("own"));
    await source.load();
    makeFifo(join(folder, "policy.d", "z.toml"));
    expect(await names()).toEqual(["own"]);
    expect(await names()).toEqual(["own"]);
    expect(reports).toEqual([expect.stringMatching(/z\.toml: it is no regular file/)]);
  });

  it("is not loaded where files are broken, and all of them are told of", async () => {
    mkdirSync(join(folder, "policy.d"));
    write("policy.toml", "nonsense");
    write("policy.d/a.toml", 'default = "no"');
    const error = await source.load().then(String, (error: SettingsError) => error.faults);
    expect(error).toEqual([
      expect.stringMatching(/policy\.toml:1:\d+: /),
      expect.stringMatching(/a\.toml:1:11: "no" is no action/),
    ]);
  });
});

describe("the policy of one run", () => {
  it("is one file, which must be there", async () => {
    const path = join(folder, "run.toml");
    source = filePolicy(path, { brokenPolicyAfter: 300_000 });
    source.listen((broken) => broken && reports.push(broken.reason));
    await expect(source.load()).rejects.toThrow(`${path}: no such policy file`);
    write("run.toml", rule("run"));
    write("approved.toml", rule("approved", "allow"));
    await source.load();
    expect(source.current()).toMatchObject({ rules: [{ name: "run" }], approved: [] });
    expect(source.approve).toBeUndefined();
  });
});
