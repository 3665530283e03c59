/** What ssh looks up for each alias of an ssh_config. That ssh does the same: test/peer/identity. */
import { describe, expect, it } from "vitest";
import { lookupsOf } from "../../../src/identity/ssh-config/lookups.ts";
import { SectionList } from "../../../src/identity/ssh-config/sections.ts";
import { literalsOf, VisitPlan } from "../../../src/identity/ssh-config/visits.ts";

/** @param files what an Include of that name leads to; undefined for what can't be told */
function aliases(text: string, files: Record<string, string[] | undefined> = {}): Record<string, string[]> {
  const list = new SectionList({ include: (pattern) => files[pattern]?.map((one) => ({ text: one })) });
  for (const _ of list.addFile(text, true));
  const plan = new VisitPlan(list.sections);
  const found = [...literalsOf(list.sections)].flatMap((name) => {
    const lookups = lookupsOf(name, list.sections, plan, { user: "me" });
    return lookups ? [[name, lookups.map((one) => `${one.name}:${one.port}`)] as const] : [];
  });
  return Object.fromEntries(found);
}

describe("an alias leads to", () => {
  it.each([
    ["itself", "Host web1\n User root", { web1: ["web1:22"] }],
    ["its HostName and Port", "Host web1\n HostName W.Example\n Port 2222", { web1: ["w.example:2222"] }],
    ["its HostKeyAlias, whatever the port", "Host web1\n Port 2222\n HostKeyAlias Key", { web1: ["key:22"] }],
    ["the first value", "Host a\n Port 1\nHost a\n Port 2\n HostName h", { a: ["h:1"] }],
    [
      "what a pattern says, unless it is excluded",
      "Host a b\nHost * !b\n HostName %h.example",
      { a: ["a.example:22"], b: ["b:22"] },
    ],
    [
      "what stands in quotes, behind = and tabs",
      'HOST\t=\t"a"\n\thostname="h h" # x\n PORT = 7',
      { a: ["h h:7"] },
    ],
    ["an address as ssh writes it", "Host a\n HostName 2001:DB8::0:1", { a: ["2001:db8::1:22"] }],
    [
      "what Match says of the host that it leads to",
      "Host a\n HostName h\nMatch host h\n Port 2",
      { a: ["h:2"], h: ["h:2"] },
    ],
    [
      "what Match says of the user",
      "Host a\n User git\nMatch user git localuser me\n Port 2",
      { a: ["a:2"] },
    ],
    [
      "what Match final says, in a second pass",
      "Host a\n HostName h\nMatch final host h\n Port 2",
      { a: ["h:2"], h: ["h:2"] },
    ],
  ])("%s", (_, text, expected) => {
    expect(aliases(text)).toEqual(expected);
  });

  it("what Host says of the host that it led to, in a second pass", () => {
    const text = "Match final\n User git\nHost a\n HostName h\nHost h\n Port 2";
    expect(aliases(text)).toEqual({ a: ["h:2"], h: ["h:2"] });
  });

  it("what an Include says where it is", () => {
    const files = { f: ["Port 2\nHost b\n HostName h"] };
    expect(aliases("Host a\n Include f\n HostName x\nHost b\n Port 3", files)).toEqual({
      a: ["x:2"],
      b: ["b:3"],
    });
    expect(aliases("Include f\nHost b\n Port 3", files)).toEqual({ b: ["h:2"] });
  });
});

describe("where a command, the network or the DNS decides", () => {
  it("has a lookup for each outcome", () => {
    const text = 'Match originalhost nas exec "at-home"\n HostName 10.0.0.2\nHost nas\n HostName nas.example';
    expect(aliases(text)).toEqual({ nas: ["10.0.0.2:22", "nas.example:22"] });
  });

  it("does not matter for what it says nothing of", () => {
    expect(aliases('Match exec "x"\n ProxyJump j\nHost a\n Port 2')).toEqual({ a: ["a:2"] });
  });

  it.each([
    ["names are made canonical", "CanonicalizeHostname yes\nHost a"],
    ["an Include can't be told", "Include %d/x\nHost a"],
    ["a HostName has a token that ssh refuses", "Host a\n HostName %p"],
    ["a port is the name of a service", "Host a\n Port ssh"],
    ["an address is written in an unusual way", "Host a\n HostName 127.1"],
    ["there are too many outcomes", `Host a\n${outcomes(5, "HostName")}${outcomes(4, "Port")}`],
  ])("has none where %s", (_, text) => {
    expect(aliases(text)).not.toHaveProperty("a");
  });

  it("has one where HostKeyAlias decides before", () => {
    expect(aliases("Host a\n HostKeyAlias k\nInclude %d/x\n")).toEqual({ a: ["k:22"] });
  });
});

function outcomes(count: number, keyword: string): string {
  const lines = Array.from({ length: count }, (_, at) => `Match exec "x${at}"\n ${keyword} ${at + 1}\n`);
  return lines.join("");
}

it("ends with a file that includes itself", () => {
  const text = "Host a\nInclude f f\n";
  expect(aliases(text, { f: ["Host b\nInclude f\n"] })).toBeDefined();
});
