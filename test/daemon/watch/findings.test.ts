/** What `muxguard status` lists as wrong. */
import { describe, expect, it } from "vitest";
import { Findings } from "../../../src/daemon/watch/findings.ts";

describe("what is wrong", () => {
  it("is listed for as long as it is, and told of when it is new", () => {
    const told: string[] = [];
    const findings = new Findings((line) => void told.push(line));
    findings.set("policy", "policy.toml:1: a mistake");
    findings.set("policy", "policy.toml:1: a mistake");
    findings.set("socket", "it was replaced");
    expect(findings.list()).toEqual(["policy.toml:1: a mistake", "it was replaced"]);
    findings.set("policy", undefined);
    expect(findings.list()).toEqual(["it was replaced"]);
    expect(told).toEqual(["policy.toml:1: a mistake", "it was replaced"]);
  });

  it("can't move a cursor with the name of a file", () => {
    const findings = new Findings();
    findings.set("policy", "\x1b[2J.toml: it is a link\nlocked");
    expect(findings.list()).toEqual(["\\x1b[2J.toml: it is a link\\nlocked"]);
  });
});
