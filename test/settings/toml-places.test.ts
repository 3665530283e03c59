/** Where things are in a settings file. */
import { parse } from "smol-toml";
import { describe, expect, it } from "vitest";
import { closest } from "../../src/settings/closest.ts";
import { type Path, TomlPlaces } from "../../src/settings/toml-places.ts";

const text = `# a comment with [[rule]] and host = "x"
default = "ask"   # another

[[rule]]
  "na\\u006de" = 'it # is'
host = [ "a", # first
  "b,c" ,
]
[[ rule ]] # the second
remember="""
[[rule]]
host = "x"
"""
"command" = ''''host = ['''
caller.exe = { path = "/usr/bin/git", names = ["git", 'git2'] }
port = 22
since = 1979-05-27 07:32:00
[other."a.b"]
x = true
[[rule.sub]]
y = 1
`;

describe("a place in a file", () => {
  const places = new TomlPlaces(text);
  it.each<[Path, "key" | "value", string]>([
    [["default"], "key", "2:1"],
    [["default"], "value", "2:11"],
    [["rule"], "key", "4:1"],
    [["rule", 0], "key", "4:1"],
    [["rule", 0, "name"], "key", "5:3"],
    [["rule", 0, "name"], "value", "5:17"],
    [["rule", 0, "host"], "value", "6:8"],
    [["rule", 0, "host", 0], "value", "6:10"],
    [["rule", 0, "host", 1], "value", "7:3"],
    [["rule", 1], "key", "9:1"],
    [["rule", 1, "remember"], "value", "10:10"],
    [["rule", 1, "command"], "key", "14:1"],
    [["rule", 1, "caller", "exe", "path"], "key", "15:16"],
    [["rule", 1, "caller", "exe", "names", 1], "value", "15:55"],
    [["rule", 1, "port"], "value", "16:8"],
    [["rule", 1, "since"], "value", "17:9"],
    [["other", "a.b", "x"], "value", "19:5"],
    [["rule", 1, "sub", 0, "y"], "value", "21:5"],
    [["rule", 1, "action"], "value", "9:1"],
    [["rule", 1, "port", 0], "value", "16:8"],
    [["nothing"], "key", "1:1"],
  ])("of %j, its %s", (path, of, expected) => {
    const { line, column } = places.position(path, of);
    expect(`${line}:${column}`).toBe(expected);
  });

  it("is found by a reader that agrees with the parser on what there is", () => {
    expect(parse(text)).toMatchObject({ rule: [{ name: "it # is", host: ["a", "b,c"] }, { port: 22 }] });
  });

  it("is not looked for for ever in what is no TOML", () => {
    for (const broken of ["=", "[", "a = [", "a = {,", "a = ]", '"', "[[a", "a = [[[", "a = {b = {"])
      expect(new TomlPlaces(broken).position(["a", 0], "value")).toMatchObject({ line: 1 });
  });
});

describe("what was probably meant", () => {
  it.each([
    ["hots", "host"],
    ["Host", "host"],
    ["fowarded", "forwarded"],
    ["comand", "command"],
    ["acton", "action"],
    ["xyz", undefined],
    ["x".repeat(10_000), undefined],
  ])("by %s", (word, meant) => {
    const known = ["host", "host_key", "forward", "forwarded", "command", "action"];
    expect(closest(word, known)).toBe(meant);
  });
});
