/** Settings files: read, and checked. */
import { chmodSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readSettings } from "../../src/settings/settings.ts";
import { SettingsError } from "../../src/settings/settings-error.ts";

describe("a settings file", () => {
  const runtime = mkdtempSync(join(tmpdir(), "mg-"));
  const path = join(runtime, "policy.toml");
  const write = (text: string): void => writeFileSync(path, text, { mode: 0o600 });
  const read = () => readSettings(path, "policy");

  beforeAll(() => write('default = "deny"\n'));
  afterAll(() => rmSync(runtime, { recursive: true }));

  it("is read each time, and nothing of it is kept on disk, where a program could edit it", async () => {
    utimesSync(path, 1, 1); // it has not changed for long
    expect(await read()).toEqual({ default: "deny" });
    expect(readdirSync(runtime)).toEqual(["policy.toml"]);
  });

  it("is read anew after a change of the same length", async () => {
    write('default = "askx"\n'.replace("askx", "ask "));
    await expect(read()).rejects.toThrow(SettingsError);
    write('default = "ask" \n');
    expect(await read()).toEqual({ default: "ask" });
  });

  it.each([
    ['default = "maybe"', '1: default: expected ("allow" | "deny" | "ask"), not "maybe"'],
    [
      '[[rule]]\naction = "ask"\n[[rule]]\nhosts = "a"\naction = "ask"',
      "4: rule.hosts: there is no such field",
    ],
    ['[[rule]]\nhost = "a"', "1: rule.action: is missing"],
    ['[rule]\naction = "ask"', "1: rule: expected Array, not a table"],
    ['[[rule]]\naction = "ask"\nport = 22.5', "3: rule.port: not a port, which is 1 to 65535"],
    [
      '[[rule]]\naction = "ask"\nremember = "10"',
      '3: rule.remember: neither a duration, such as "10m", nor "never"',
    ],
    ['[[rule]]\naction = "ask"\ncaller = ["\\u001b[2J"]', "3: rule.caller: expected string, not Array"],
    [
      '[[rule]]\naction = "\\u001b[2J"',
      '2: rule.action: expected ("allow" | "deny" | "ask"), not "\\x1b[2J"',
    ],
  ])("says what is wrong with it, and in which line: %j", async (text, said) => {
    write(`${text}\n`);
    await expect(read()).rejects.toThrow(`${path}:${said}`);
    write('default = "ask" \n');
  });

  it("is refused once others may write to it", async () => {
    chmodSync(path, 0o666);
    await expect(read()).rejects.toThrow("others may write to it");
  });
});
