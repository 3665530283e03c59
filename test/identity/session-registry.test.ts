/** What one process binds makes the guard forget nothing that another one has bound: replays stay replays. */
import { describe, expect, it } from "vitest";
import { SessionRegistry } from "../../src/identity/session-registry.ts";

const session = (name: string): Buffer => Buffer.from(name);
const VICTIM = session("the victim's");

/** Binds so many sessions of the process's own, each on a connection that ends at once, or stays. */
function flood(registry: SessionRegistry, process: string, count: number, stays = false): boolean[] {
  return Array.from({ length: count }, (_, at) => {
    const one = session(`${process} ${at}`);
    const claimed = registry.claim(one, process);
    if (claimed && !stays) registry.release(one);
    return claimed;
  });
}

describe("a session that somebody has bound", () => {
  it.each([
    ["whose connections end", false],
    ["whose connections stay", true],
  ])("is not forgotten for 10,000 binds of another process, %s", (_, stays) => {
    const registry = new SessionRegistry();
    registry.claim(VICTIM, "ssh");
    registry.release(VICTIM);
    const claimed = flood(registry, "evil", 10_000, stays);
    expect(claimed.filter(Boolean)).toHaveLength(stays ? 256 : 10_000);
    expect(registry.claim(VICTIM, "evil")).toBe(false);
    expect(registry.claim(VICTIM, "ssh")).toBe(true);
  });

  it("is not forgotten for the binds of many processes, which leave room for others", () => {
    const registry = new SessionRegistry({ perProcess: 8, all: 16, isAlive: () => true });
    registry.claim(VICTIM, "ssh");
    registry.release(VICTIM);
    for (let at = 0; at < 4; at++) flood(registry, `evil ${at}`, 8);
    expect(registry.claim(VICTIM, "evil 0")).toBe(false);
    expect(registry.claim(session("another's"), "another ssh")).toBe(true);
  });

  it("makes room when its process has ended", () => {
    const ended = new Set<string>();
    const registry = new SessionRegistry({ all: 200, isAlive: (process) => !ended.has(process) });
    for (let at = 0; at < 200; at++) registry.claim(session(`${at}`), `ssh ${at}`);
    expect(registry.claim(session("new"), "new")).toBe(false);
    ended.add("ssh 150");
    // a few are looked at each time
    const tries = Array.from({ length: 4 }, () => registry.claim(session("new"), "new"));
    expect(tries).toContain(true);
    expect(registry.claim(session("150"), "other")).toBe(false);
    expect(registry.claim(session("10"), "other")).toBe(false);
  });
});

describe("a process", () => {
  it("loses the oldest of its own that no connection holds", () => {
    const registry = new SessionRegistry({ perProcess: 2 });
    registry.claim(session("held"), "ssh");
    registry.claim(session("ended"), "ssh");
    registry.release(session("ended"));
    expect(registry.claim(session("third"), "ssh")).toBe(true);
    expect(registry.claim(session("held"), "other")).toBe(false);
    expect(registry.claim(session("ended"), "other")).toBe(true);
  });

  it("speaks for one path of hops", () => {
    const registry = new SessionRegistry();
    expect(registry.claim(VICTIM, "ssh", ["bastion"])).toBe(true);
    expect(registry.claim(VICTIM, "ssh", ["bastion"])).toBe(true);
    expect(registry.claim(VICTIM, "ssh")).toBe(false);
  });
});
