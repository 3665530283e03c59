import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { applyChange } from "../../src/settings/change.ts";
import { readConfig } from "../../src/settings/config.ts";

const folder = mkdtempSync(join(tmpdir(), "mg-change-"));
afterAll(() => rmSync(folder, { recursive: true }));

function configOf(text: string) {
  writeFileSync(join(folder, "config.toml"), text, { mode: 0o600 });
  return readConfig({ config: folder });
}

it.each([
  ["remember", '"1m"', "remember", 60_000],
  ["timeout", '"1m"', "timeout", 60_000],
  ["yes", '"once"', "yes", "once"],
  ["longest", '"1h"', "longest", 3_600_000],
  ["on_lock", '"forget"', "onLock", "forget"],
  ["max_questions", "3", "maxQuestions", 3],
  ["offer_after", "5", "offerAfter", 5],
  ["suggest", '"off"', "suggest", false],
  ["upstream_timeout", '"1s"', "upstreamTimeout", 1000],
  ["broken_policy_after", '"1s"', "brokenPolicyAfter", 1000],
  ["sync_log", "true", "syncLog", true],
  ["announce", '"always"', "announce", "always"],
  ["notices", '["git at *"]', "notices", ["git at *"]],
] as const)("%s counts at once", async (name, value, field, expected) => {
  const config = await configOf(name === "timeout" ? 'timeout = "2m"\n' : "");
  const change = applyChange(config, await configOf(`${name} = ${value}\n`));
  expect(change).toEqual({ applied: [name], waiting: [] });
  expect(config[field]).toEqual(expected);
});

it.each([
  ["upstream_agent", '"/run/agent"', "upstreamAgents"],
  ["approvers", '["queue"]', "approvers"],
  ["ssh_config", '"/etc/other"', "sshConfig"],
  ["control_dirs", '["/tmp"]', "controlFolders"],
  ["askpass", '"/bin/ask"', "askpass"],
  ["command", '"/bin/ask"', "command"],
] as const)(
  "%s waits for the next start, and is no longer told of once it is as it was",
  async (name, value, field) => {
    const config = await configOf("");
    const before = config[field];
    expect(applyChange(config, await configOf(`${name} = ${value}\n`))).toEqual({
      applied: [],
      waiting: [name],
    });
    expect(config[field]).toEqual(before);
    expect(applyChange(config, await configOf(""))).toEqual({ applied: [], waiting: [] });
  },
);
