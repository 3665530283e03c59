/** All that there is to say of the settings, each with its place. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeFifo } from "../../src/platform/libc/descriptors.ts";
import { checkPolicyFiles, checkUserSettings } from "../../src/settings/check.ts";

let config: string;
beforeEach(() => {
  config = mkdtempSync(join(tmpdir(), "mg-"));
  mkdirSync(join(config, "policy.d"));
});
afterEach(() => rmSync(config, { recursive: true }));
const write = (name: string, text: string): string => {
  writeFileSync(join(config, name), text, { mode: 0o600 });
  return join(config, name);
};

it("tells of the mistakes of all files, and warns of rules across them", () => {
  write("policy.toml", '[[rule]]\nname = "all"\naction = "deny"\n');
  write("policy.d/a.toml", '[[rule]]\naction = "allow"\n  host = "web1:22"\n');
  write("policy.d/b.toml", 'hots = "a"\n');
  write("approved.toml", "nonsense\n");
  write("config.toml", 'timeout = "soon"\n');
  const { errors, warnings, files } = checkUserSettings({ config });
  expect(files).toHaveLength(5);
  expect(errors.map((line) => line.slice(config.length + 1))).toEqual([
    expect.stringMatching(/^policy\.d\/b\.toml:1:1: unknown field "hots"/),
    expect.stringMatching(/^approved\.toml:1:\d+: /),
    expect.stringMatching(/^config\.toml:1:11: timeout: not a duration/),
  ]);
  expect(warnings.map((line) => line.slice(config.length + 1))).toEqual([
    expect.stringMatching(
      /^policy\.d\/a\.toml:3:3: warning: host never matches "web1:22": .* say port = 22$/,
    ),
    expect.stringMatching(/^policy\.d\/a\.toml:1:1: warning: never matches: rule "all" before it/),
  ]);
});

it("has nothing to say where there are no settings", () => {
  expect(checkUserSettings({ config })).toEqual({ files: [], errors: [], warnings: [], notes: [] });
});

it("waits for no writer of a FIFO", () => {
  makeFifo(join(config, "policy.d", "z.toml"));
  const { errors } = checkUserSettings({ config });
  expect(errors).toEqual([expect.stringMatching(/z\.toml: it is no regular file/)]);
});

it("shows text of the file so that no screen obeys it", () => {
  const file = write("own.toml", '[[rule]]\naction = "deny"\nhost = "a\\u001b[2J b"\n');
  const { warnings, notes } = checkPolicyFiles([file]);
  expect(warnings).toEqual([expect.stringContaining('"a\\x1b[2J b"')]);
  expect(notes).toEqual([expect.stringMatching(/own\.toml:3:1: note: a destination/)]);
});
