import { describe, expect, test } from "vitest";
import { Entries, type Good } from "../../src/fleet/policy/entries.ts";
import { MAX_ENTRY, parseEntry, type Statement } from "../../src/fleet/policy/entry.ts";

const revoke = (sequence: number, name: string, lifted = false): Statement => {
  return { v: 1, kind: "revoke", sequence, what: "key", name, lifted };
};
const policy = (sequence: number): Statement => {
  return { v: 1, kind: "policy", sequence, expires: "2036-01-01T00:00:00.000Z", toml: "" };
};
const rules = [{ name: "r", action: "deny" }] as const;

/** @param size of what is signed, in bytes */
function good(said: Statement, by = "alice", size = 0): Good {
  const signed = JSON.stringify(said).padEnd(size);
  return { entry: { by, signed, signature: "" }, key: `SHA256:${by}`, said, rules };
}

function take(entries: Entries, one: Good): void {
  entries.check(one);
  entries.put(one);
}

describe("the entries of a fleet", () => {
  test("have of each place the newest, and nothing older takes its place", () => {
    const entries = new Entries();
    take(entries, good(policy(5)));
    take(entries, good(revoke(3, "one")));
    for (const said of [policy(4), { ...policy(5), toml: "# another" }])
      expect(() => entries.check(good(said))).toThrow("number 5 is known");
    take(entries, good(policy(6)));
    expect(entries.policy?.said.sequence).toBe(6);
    expect(entries.isRevoked("key", "one")).toBe(true);
    take(entries, good(revoke(4, "one", true)));
    expect(entries.isRevoked("key", "one")).toBe(false);
  });

  test("have room for others, however many one person has signed", () => {
    const entries = new Entries();
    for (let at = 0; at < 512; at++) take(entries, good(revoke(1, `m${at}`), "mallory"));
    expect(() => entries.check(good(revoke(1, "more"), "mallory"))).toThrow(
      "512 that mallory has signed are kept already",
    );
    take(entries, good(revoke(1, "SHA256:mallory")));
    expect(entries.isRevoked("key", "SHA256:mallory")).toBe(true);
    // nor under another name
    const renamed = good(revoke(1, "more"), "malloy");
    expect(() => entries.check({ ...renamed, key: "SHA256:mallory" })).toThrow("are kept already");
    // in a place that it has already, that key may go on
    take(entries, good(revoke(2, "m7", true), "mallory"));
  });

  test("leave out what was taken back where there is no room, the oldest first", () => {
    const entries = new Entries();
    for (let at = 0; at < 512; at++) take(entries, good(revoke(1, `m${at}`, at === 3 || at === 5)));
    take(entries, good(revoke(1, "next")));
    take(entries, good(revoke(1, "last")));
    expect(() => entries.check(good(revoke(1, "one more")))).toThrow("are kept already");
    expect(entries.kept).toHaveLength(512);
    expect(entries.revoked).toBe(512);
  });

  test("are at most so many of all keys, and of a size that can be read again", () => {
    const entries = new Entries();
    for (let at = 0; at < 1024; at++) take(entries, good(revoke(1, `m${at}`), `p${at % 4}`));
    expect(() => entries.check(good(revoke(1, "more"), "p5"))).toThrow("1024 entries are kept already");
    const large = new Entries();
    const all = (key: string, many: number): void => {
      for (let at = 0; at < many; at++) take(large, good(revoke(1, `${key}${at}`), key, 130_000));
    };
    all("one", 32);
    expect(() => all("one more of one", 1)).not.toThrow();
    expect(() => take(large, good(revoke(1, "x"), "one", 130_000))).toThrow("32 that one has signed");
    expect(() => all("two", 32)).toThrow("entries are kept already");
    expect(Buffer.byteLength(large.kept.map((one) => JSON.stringify(one)).join("\n"))).toBeLessThan(
      9_000_000,
    );
  });

  test("that are kept and not verified deny what they denied, and nothing older ends that", () => {
    const entries = new Entries();
    const { entry, said } = good(revoke(7, "SHA256:mallory"));
    entries.recall(good(policy(3)));
    entries.recall({ entry, said, rules });
    expect(entries.isDoubtful).toBe(false);
    expect(entries.isRevoked("key", "SHA256:mallory")).toBe(true);
    expect(entries.rules(false)).toMatchObject({ revoked: rules });
    // there is nothing more to it: a thousand need no second look
    expect(entries.isKnown(entry)).toBe(true);
    expect(() => entries.check(good(revoke(6, "SHA256:mallory", true)))).toThrow("number 7 is known");
    take(entries, good(revoke(7, "SHA256:mallory")));
    expect(entries.kept).toHaveLength(2);
  });

  test.each([
    ["a policy", policy(7), policy(6), policy(7)],
    ["what is taken back", revoke(7, "one", true), revoke(6, "one"), revoke(8, "one")],
  ])(
    "are in doubt where %s was kept and is not verified, and nothing older ends that",
    (_, kept, older, newer) => {
      const entries = new Entries();
      entries.recall({ entry: good(kept).entry, said: kept, rules: [] });
      expect(entries.isDoubtful).toBe(true);
      expect(() => entries.check(good(older))).toThrow("number 7 is known");
      take(entries, good(revoke(9, "another")));
      expect(entries.isDoubtful).toBe(true);
      take(entries, good(newer));
      expect(entries.isDoubtful).toBe(false);
    },
  );

  test("of which nobody knows what they were are in doubt until there is a policy", () => {
    const entries = new Entries();
    entries.doubt();
    take(entries, good(revoke(7, "one")));
    expect(entries.isDoubtful).toBe(true);
    take(entries, good(policy(1)));
    expect(entries.isDoubtful).toBe(false);
  });

  test("that are kept twice are there once: the newest, in whatever order", () => {
    const entries = new Entries();
    for (const sequence of [10, 20, 15]) entries.recall(good(policy(sequence)));
    expect(entries.policy?.said.sequence).toBe(20);
    const { entry, said } = good(policy(30));
    entries.recall({ entry, said, rules: [] });
    expect(entries.policy).toBeUndefined();
    expect(entries.kept).toEqual([entry]);
  });
});

test("an entry that is longer where it is kept than it came is none", () => {
  const text = JSON.stringify({ by: "a", signed: "?", signature: "" });
  const came = (many: number): Buffer => Buffer.from(text.replace("?", "\u00ff".repeat(many)), "latin1");
  expect(came(50_000).length).toBeLessThan(MAX_ENTRY);
  expect(parseEntry(came(50_000))).toBeUndefined();
  expect(parseEntry(came(10))?.signed).toBe("\ufffd".repeat(10));
});
