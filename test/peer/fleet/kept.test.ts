/** What a fleet says, verified by the real ssh-keygen, and what is kept of it: whoever has the bus, or signed before. */
import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeEach, expect, it } from "vitest";
import { Lab, until } from "../../../lab/lab.ts";
import type { Entry, Statement } from "../../../src/fleet/policy/entry.ts";
import { keyOf } from "../../../src/fleet/policy/entry.ts";
import { FleetPolicy } from "../../../src/fleet/policy/fleet-policy.ts";
import { sign, verify } from "../../../src/fleet/signed/keygen.ts";
import { describeWith } from "../tools.ts";
import { encodedAnew, fingerprintOf } from "./signatures.ts";

const DENY = '[[rule]]\nname = "no alpha"\nhost = "alpha.example"\naction = "deny"\n';
const ALLOW = '[[rule]]\nname = "alpha"\nhost = "alpha.example"\naction = "allow"\n';
const own = { default: "allow", rules: [], approved: [] } as const;

describeWith(["ssh"], "what a fleet says, and what is kept of it,", () => {
  const lab = new Lab();
  const keys: Record<string, string> = {};
  for (const name of ["alice", "bob", "mallory"]) keys[name] = lab.key(name);
  keys.rhea = lab.key("rhea", "-t", "rsa", "-b", "2048");
  const fingerprint = (name: string): string => fingerprintOf(keys[name] as string);
  const path = lab.path("kept.jsonl");
  const signers = lab.path("allowed_signers");
  const verifying = { folder: lab.folder, environment: process.env };
  let refused: string[];
  let taken: string[];
  let ended: number;
  let logFails: boolean;

  const know = (...names: string[]): void => {
    const line = (name: string): string => `${name} ${readFileSync(`${keys[name]}.pub`, "utf8")}`;
    writeFileSync(signers, names.map(line).join(""));
  };
  const start = async (): Promise<FleetPolicy> => {
    const policy = new FleetPolicy({
      ...{ config: { machine: "build1", signers, policy: "before" }, path, verifying },
      refused: (reason) => void refused.push(reason),
      taken: (what, isStricter) => {
        if (logFails && !isStricter) throw new Error("the log can't be written");
        taken.push(what);
      },
      revoked: () => void ended++,
    });
    await policy.load();
    return policy;
  };
  const policy = (sequence: number, toml = DENY): Statement => {
    return { v: 1, kind: "policy", sequence, expires: "2036-01-01T00:00:00.000Z", toml };
  };
  const revoke = (sequence: number, name: string, lifted = false): Statement => {
    return { v: 1, kind: "revoke", sequence, what: "key", name: fingerprint(name), lifted };
  };
  const signed = async (by: string, said: Statement): Promise<Entry> => {
    const text = JSON.stringify(said);
    const how = { key: keys[by] as string, namespace: "muxguard-policy", environment: process.env } as const;
    return { by, signed: text, signature: await sign(text, how) };
  };
  const hear = (to: FleetPolicy, entry: Entry, place = keyOf(JSON.parse(entry.signed))): boolean =>
    to.heard(place, Buffer.from(JSON.stringify(entry)));
  /** Resolves once it was taken or refused. */
  const said = async (to: FleetPolicy, entry: Entry): Promise<void> => {
    const before = taken.length + refused.length;
    hear(to, entry);
    await until(() => taken.length + refused.length > before, "the end of it");
  };

  beforeEach(() => {
    [refused, taken, ended, logFails] = [[], [], 0, false];
    writeFileSync(path, "");
    know("alice", "bob", "mallory", "rhea");
  });
  afterAll(() => lab.close());

  it("counts no more that a revoked key signs, in whatever form the bus brings the key", async () => {
    const guard = await start();
    await said(guard, await signed("alice", revoke(3, "rhea")));
    const entry = await signed("rhea", policy(5, ALLOW));
    const anew = { ...entry, signature: encodedAnew(entry.signature) };
    const whose = { message: anew.signed, namespace: "muxguard-policy", principal: "rhea" } as const;
    // ssh-keygen takes it
    const key = await verify(
      { ...whose, signature: anew.signature },
      { ...verifying, signers, at: new Date() },
    );
    expect(key).toBe(fingerprint("rhea"));
    for (const one of [entry, anew]) await said(guard, one);
    expect(refused).toEqual([
      expect.stringContaining(`${fingerprint("rhea")}, which is revoked`),
      expect.stringContaining(`${fingerprint("rhea")}, which is revoked`),
    ]);
    expect(guard.described).toBe("1 revoked");
  });

  it("takes no number beyond which nobody could go", async () => {
    const guard = await start();
    await said(guard, await signed("mallory", revoke(Number.MAX_SAFE_INTEGER, "mallory", true)));
    await said(guard, await signed("mallory", policy(Date.now() + 25 * 3_600_000, ALLOW)));
    expect(refused).toEqual([expect.stringContaining("a day ahead"), expect.stringContaining("a day ahead")]);
    await said(guard, await signed("alice", revoke(Date.now(), "mallory")));
    expect(guard.isRevoked("key", fingerprint("mallory"))).toBe(true);
  });

  it("counts as it was signed: first a policy, and then that its key is revoked", async () => {
    const entries = [await signed("mallory", policy(10)), await signed("alice", revoke(20, "mallory"))];
    const late = await signed("mallory", policy(30, ALLOW));
    for (let nth = 0; nth < 12; nth++) {
      writeFileSync(path, "");
      [taken, refused] = [[], []];
      const guard = await start();
      for (const entry of [...entries, late]) hear(guard, entry);
      await until(() => taken.length + refused.length === 3, "all of them");
      expect(guard.described).toContain("number 10 by mallory, 1 rule");
      expect(refused).toEqual([expect.stringContaining("which is revoked")]);
    }
  });

  it("counts nowhere but in its own place, and tells where there is no room", async () => {
    const guard = await start();
    const entry = await signed("alice", revoke(3, "mallory"));
    expect(hear(guard, entry, "policy")).toBe(true);
    expect(refused).toEqual([expect.stringContaining("in the place of another")]);
    const many = Array.from({ length: 70 }, (_, at) => ({ ...entry, signature: `no ${at}` }));
    expect(many.filter((one) => hear(guard, one)).length).toBeLessThan(70);
    await until(() => refused.length >= 60, "the junk");
    await said(guard, entry);
    expect(guard.described).toBe("1 revoked");
  });

  it("stays in force where one of its signers is known no more, and nothing older ends the doubt", async () => {
    const guard = await start();
    const old = await signed("alice", policy(10, ALLOW));
    await said(guard, old);
    const bobs = await signed("bob", policy(20));
    await said(guard, bobs);
    await said(guard, await signed("alice", revoke(30, "mallory")));
    know("alice", "mallory");
    const next = await start();
    expect(next.described).toContain("can't be verified: all is asked");
    expect(next.merge(own)).toMatchObject({ isUnverified: true, rules: [{ key: fingerprint("mallory") }] });
    for (const entry of [old, await signed("mallory", policy(40, ALLOW))]) await said(next, entry);
    expect(refused.slice(1)).toEqual([
      expect.stringContaining("it is number 10, and number 20 is known"),
      expect.stringContaining(`${fingerprint("mallory")}, which is revoked`),
    ]);
    expect(readFileSync(path, "utf8").trim().split("\n")).toHaveLength(2);
    // a revocation does not make it certain what else there was
    await said(next, await signed("alice", revoke(50, "rhea")));
    expect((await start()).described).toContain("can't be verified");
    await said(next, await signed("alice", policy(60)));
    expect(next.described).toContain("number 60 by alice, 1 rule");
    expect((await start()).described).toBe(next.described);
  });

  it("has what is revoked in force from the start on, and all else in doubt, where its signers can't be read", async () => {
    const first = await start();
    const entries = [await signed("alice", revoke(30, "mallory")), await signed("alice", policy(40, ALLOW))];
    for (const entry of entries) await said(first, entry);
    writeFileSync(signers, "");
    const guard = await start();
    expect(guard.merge(own)).toMatchObject({ isUnverified: true });
    expect(guard.isRevoked("key", fingerprint("mallory"))).toBe(true);
    know("alice");
    for (const entry of entries) hear(guard, entry);
    await until(
      () => guard.described === "number 40 by alice, 1 rule, until 2036-01-01T00:00Z, 1 revoked",
      "it",
    );
  });

  it("revokes also while the log can't be written, and takes a policy once it can", async () => {
    const guard = await start();
    logFails = true;
    await said(guard, await signed("alice", revoke(30, "mallory")));
    expect([guard.described, ended, refused]).toEqual(["1 revoked", 1, []]);
    await said(guard, await signed("alice", policy(40)));
    expect(refused).toEqual([expect.stringContaining("the log can't be written")]);
    expect(guard.described).toBe("1 revoked");
    logFails = false;
    await until(() => guard.described?.includes("number 40") === true, "the policy");
    expect((await start()).described).toBe(guard.described);
  });
});
