/** All that there is to say of the settings, each with its place. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeFifo } from "../../src/platform/libc/descriptors.ts";
import { checkPolicyFiles, checkUserSettings } from "../../src/settings/check.ts";
import type { KnownHostNames } from "../../src/settings/findings/hosts.ts";

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
  expect(checkUserSettings({ config })).toMatchObject({ files: [], findings: [] });
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

const known: KnownHostNames = { has: (name) => name === "github.com", names: ["github.com"] };

it("tells of hosts that nobody knows, with what was probably meant", () => {
  const hosts = 'host = ["github.com", "githb.com", "lab", "*.x"]';
  const file = write("own.toml", `[[rule]]\naction = "allow"\n${hosts}\n`);
  const { warnings, notes } = checkPolicyFiles([file], { hosts: known });
  expect(warnings).toEqual([
    expect.stringMatching(
      /own\.toml:3:1: warning: host "githb\.com" is in no .*; did you mean "github\.com"\?$/,
    ),
  ]);
  expect(notes).toEqual([
    expect.stringMatching(/own\.toml:3:1: note: host "lab" is in no known_hosts and no/),
  ]);
});

it("knows nothing of what is claimed, nor of what can be no host", () => {
  write("policy.toml", '[[rule]]\naction = "allow"\nhost = "lab"\nverified = false\n');
  write("policy.d/a.toml", '[[rule]]\naction = "deny"\nhost = "a b"\n');
  const { findings } = checkUserSettings({ config }, { hosts: known });
  expect(findings.map(({ text }) => text).join()).not.toContain("known_hosts");
});

it("says which rule another one is about", () => {
  write("policy.toml", '# first\n[[rule]]\nname = "a"\nhost = "x"\naction = "deny"\n');
  write("policy.d/a.toml", '[[rule]]\nname = "a"\naction = "deny"\n[[rule]]\nname = "b"\naction = "deny"\n');
  expect(checkUserSettings({ config }).warnings.map((line) => line.slice(config.length + 1))).toEqual([
    `policy.d/a.toml:2:1: warning: name "a" is the name of an earlier rule: the log can't tell them apart (${config}/policy.toml:2)`,
    'policy.d/a.toml:4:1: warning: never matches: rule "a" before it takes all of it (line 1)',
  ]);
});

it("gives each mistake in parts", () => {
  const file = write("own.toml", '[[rule]]\nhots = "a"\naction = "allow"\n');
  const text = 'unknown field "hots"; did you mean "host"?';
  expect(checkPolicyFiles([file]).findings).toEqual([{ kind: "error", file, line: 2, column: 1, text }]);
});

it("takes a text that is not there yet for the file", () => {
  const file = write("policy.toml", "nonsense\n");
  const texts = new Map([[file, '[[rule]]\naction = "deny"\nkey = "~/x"\n']]);
  const { errors, warnings } = checkUserSettings({ config }, { texts });
  expect([errors.length, warnings.length]).toEqual([0, 1]);
});

it("looks at the policies that scopes have of their own, each by itself", () => {
  write("config.toml", '[scope.a]\npolicy = "own.toml"\n[scope.b]\npolicy = "gone.toml"\n');
  write("policy.toml", '[[rule]]\nname = "x"\naction = "deny"\n');
  const own = write("own.toml", '[[rule]]\nname = "x"\nuser = "a@b"\naction = "allow"\n');
  const { findings, files } = checkUserSettings({ config });
  expect(files).toContain(own);
  expect(findings).toMatchObject([
    { kind: "warning", file: own, line: 3, field: "user" },
    { kind: "error", file: join(config, "gone.toml") },
  ]);
});
