/** [scope.NAME] of config.toml: what it says, and what is wrong with it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { checkUserSettings } from "../../src/settings/check.ts";
import { readConfig } from "../../src/settings/config.ts";
import { readScopes } from "../../src/settings/scopes.ts";

const config = mkdtempSync(join(tmpdir(), "mg-"));
const path = join(config, "config.toml");
afterAll(() => rmSync(config, { recursive: true }));
const write = (text: string): void => writeFileSync(path, text, { mode: 0o600 });

describe("a scope of config.toml", () => {
  it("is not there without a file, nor in one that has none", async () => {
    expect(await readScopes({ config })).toEqual(new Map());
    write('timeout = "10s"\n');
    expect(await readScopes({ config })).toEqual(new Map());
  });

  it("has what it says, its paths as the user means them", async () => {
    write(`[scope.claude]
confine = true
ride = false
policy = "agents/claude.toml"
hide = ["~/secrets/", "/srv/../srv/keys"]
read_only = "~/.config/git"
writable = ["~/.ssh/known_hosts"]
desktop = false
network = true
nested = true
[scope."a b"]
policy = "~/b.toml"
[scope.constructor]
policy = "/etc/b.toml"
`);
    const home = homedir();
    expect(await readScopes({ config })).toEqual(
      new Map([
        [
          "claude",
          {
            confine: true,
            ride: false,
            policy: join(config, "agents/claude.toml"),
            hide: [join(home, "secrets"), "/srv/keys"],
            readOnly: [join(home, ".config/git")],
            writable: [join(home, ".ssh/known_hosts")],
            desktop: false,
            network: true,
            nested: true,
          },
        ],
        ["a b", { policy: join(home, "b.toml") }],
        ["constructor", { policy: "/etc/b.toml" }],
      ]),
    );
    expect((await readScopes({ config })).get("toString")).toBeUndefined();
  });

  it.each(["toString", "hasOwnProperty", "prototype", "valueOf", "0", "", "é ", "a.b", "*"])(
    "may have any name: %j",
    async (name) => {
      write(`[scope.${JSON.stringify(name)}]\nconfine = true\n`);
      expect(await readScopes({ config })).toEqual(new Map([[name, { confine: true }]]));
      expect(checkUserSettings({ config }).errors).toEqual([]);
    },
  );

  it("is nothing that a daemon goes by, or would have to be started anew for", async () => {
    write("[scope.one]\nconfine = true\n");
    const before = await readConfig({ config });
    write("[scope.other]\nride = true\n");
    expect(await readConfig({ config })).toEqual(before);
  });

  it.each([
    ["[scope.a]\nconfin = true", '2:1: unknown field "confin"; did you mean "confine"?'],
    ["[scope.a]\nreadonly = []", '2:1: unknown field "readonly"; did you mean "read_only"?'],
    ["[scope.a]\n[scope.b]\nhost = []", '3:1: unknown field "host"'],
    ["[scop.a]\nconfine = true", '1:1: unknown field "scop"; did you mean "scope"?'],
    ["hide = []", '1:1: unknown field "hide"; it belongs to a scope: begin one with [scope.NAME]'],
    ["[scope]\nconfine = true", "2:11: a scope has a name, and begins with [scope.NAME]"],
    ["[[scope]]\nconfine = true", "1:1: a scope has a name, and begins with [scope.NAME]"],
    ['scope = "a"', "1:9: a scope has a name, and begins with [scope.NAME]"],
    ['[scope.a]\nconfine = "yes"', '2:11: confine: expected true or false, not "yes"'],
    ['[scope."a b"]\nhide = 1', "2:8: hide: expected a text or a list of texts, not 1"],
    ['[scope.a]\nhide = ["/a",\n "b"]', '3:2: hide: neither an absolute path nor one that begins with "~/"'],
    ['[scope.a]\nhide = "~"', '2:8: hide: neither an absolute path nor one that begins with "~/"'],
    ['[scope.a]\nwritable = "~you/a"', "2:12: writable: neither an absolute path"],
    ['[scope.a]\nread_only = "/a\\u0000b"', "2:13: read_only: neither an absolute path"],
    ['[scope.a]\npolicy = ""', "2:10: policy: not a file"],
    ["scope.a.b = 1", '1:1: unknown field "b"'],
    ["[scope.a]\n[scope.__proto__]\nconfine = true", "2:1: __proto__: no name for a scope"],
    ['[scope."__proto__"]', "1:1: __proto__: no name for a scope"],
    ['timeout = "1s"\n[scope.__proto__.a]', "2:1: __proto__: no name for a scope"],
    ["scope.a.ride = true\nscope.__proto__.ride = true", "2:1: __proto__: no name for a scope"],
    ["[scope]\na.ride = true\n__proto__ = 1", "3:13: __proto__: no name for a scope"],
    ["[scope.a]\n__proto__ = { confine = true }", '2:1: unknown field "__proto__"'],
    ["__proto__ = 1", '1:1: unknown field "__proto__"'],
    ["[scope.constructor]\nconfin = true", '2:1: unknown field "confin"; did you mean "confine"?'],
  ])("says what is wrong with it, and where: %j", async (text, said) => {
    write(`${text}\n`);
    await expect(readScopes({ config })).rejects.toThrow(`${path}:${said}`);
    expect(checkUserSettings({ config }).errors).toEqual([expect.stringContaining(`${path}:${said}`)]);
  });
});
