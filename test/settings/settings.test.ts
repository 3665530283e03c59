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
    ['default = "maybe"', '1:11: "maybe" is no action; it is one of "allow", "deny", "ask"'],
    [
      '[[rule]]\naction = "ask"\n[[rule]]\nhots = "a"\naction = "ask"',
      '4:1: unknown field "hots"; did you mean "host"?',
    ],
    ['[[rule]]\naction = "dney"', '2:10: "dney" is no action; did you mean "deny"?'],
    ['[[rule]]\non = "sing"\naction = "ask"', '2:6: "sing" is no kind of request; did you mean "sign"?'],
    ['[[rule]]\nhost = "a"', '1:1: the rule has no action: one of "allow", "deny", "ask"'],
    ['[rule]\naction = "ask"', "1:1: a rule begins with [[rule]], in two brackets"],
    ['[[rules]]\naction = "ask"', '1:1: unknown field "rules"; did you mean "rule"?'],
    ['host = "a"', '1:1: unknown field "host"; it belongs to a rule: begin one with [[rule]]'],
    ['[[rule]]\naction = "ask"\nport = 22.5', "3:8: port: not a port, which is 1 to 65535"],
    ['[[rule]]\naction = "ask"\nport = [22, "a"]', '3:13: port: expected a number, not "a"'],
    [
      '[[rule]]\naction = "ask"\nremember = "10"',
      '3:12: remember: neither a duration, such as "10m", nor "never"',
    ],
    ['[[rule]]\naction = "ask"\nhost = [\n  "a", 5]', "4:8: host: expected a text, not 5"],
    ['[[rule]]\naction = "ask"\nhost = ["a", ""]', "3:14: host: an empty pattern"],
    [
      '[[rule]]\naction = "ask"\ncaller = { a = 1 }',
      "3:10: caller: expected a text or a list of texts, not a table",
    ],
    ['[[rule]]\naction = "\\u001b[2J"', '2:10: "\\x1b[2J" is no action'],
    ['[[rule]]\naction = "ask"\n"\\u001b[2J" = 1', '3:1: unknown field "\\x1b[2J"'],
    ["default = deny", '1:11: a text stands in quotes: "deny"'],
    ['default = "deny', "1:16: a text without its closing quote"],
  ])("says what is wrong with it, and in which line: %j", async (text, said) => {
    write(`${text}\n`);
    await expect(read()).rejects.toThrow(`${path}:${said}`);
    write('default = "ask" \n');
  });

  it("has all of its mistakes told at once, in their order", async () => {
    write('[[rule]]\nport = "x"\nhots = "a"\naction = "dney"\n[[rule]]\naction = "ask"\nuser = []\n');
    const error = await read().then(String, (error: SettingsError) => error);
    expect(error).toMatchObject({
      message: expect.stringMatching(/policy\.toml:2:8: .* \(and 3 more: muxguard policy check\)$/),
      faults: [
        `${path}:2:8: port: expected a number or a list, not "x"`,
        `${path}:3:1: unknown field "hots"; did you mean "host"?`,
        `${path}:4:10: "dney" is no action; did you mean "deny"?`,
        `${path}:7:8: user: an empty list matches nothing`,
      ],
    });
    write('default = deny\n[[rule]\n[[rule]]\naction = "ask\n');
    const faults = await read().then(
      () => [],
      ({ faults }: SettingsError) => faults,
    );
    expect(faults.map((fault) => fault.slice(path.length))).toEqual([
      ':1:11: a text stands in quotes: "deny"',
      ":2:8: expected end of table array declaration",
      ":4:14: a text without its closing quote",
    ]);
    write('default = "ask" \n');
  });

  it("is refused once others may write to it", async () => {
    chmodSync(path, 0o666);
    await expect(read()).rejects.toThrow("others may write to it");
  });
});
