/** Settings files that are kept as they were checked. */
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../../lab/lab.ts";
import { readSettings } from "../../src/settings/settings.ts";
import { SettingsError } from "../../src/settings/settings-error.ts";

describe("a settings file", () => {
  const runtime = mkdtempSync(join(tmpdir(), "mg-"));
  const kept = join(runtime, "settings");
  const path = join(runtime, "policy.toml");
  const write = (text: string): void => writeFileSync(path, text, { mode: 0o600 });
  const read = () => readSettings(path, "policy", runtime);

  beforeAll(() => write('default = "deny"\n'));
  afterAll(() => rmSync(runtime, { recursive: true }));

  it("is not kept while it may still change without a new time", async () => {
    expect(await read()).toEqual({ default: "deny" });
    expect(existsSync(kept)).toBe(false);
  });

  it("is kept once it has settled, and read as before", async () => {
    await until(async () => (await read()) && existsSync(kept), "the settled file to be kept");
    expect(readdirSync(kept)).toHaveLength(1);
    expect(await read()).toEqual({ default: "deny" });
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

  it("is refused once others may write to it, although its content was kept", async () => {
    chmodSync(path, 0o666);
    await expect(read()).rejects.toThrow("others may write to it");
  });

  it("is read where what was kept is not whole", async () => {
    chmodSync(path, 0o600);
    for (const name of readdirSync(kept)) writeFileSync(join(kept, name), '{"stamp":');
    expect(await read()).toEqual({ default: "ask" });
  });
});
