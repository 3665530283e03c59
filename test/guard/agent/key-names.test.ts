import { describe, expect, test } from "vitest";
import { KeyNames } from "../../../src/guard/agent/key-names.ts";
import { encodeAgentReply, type Identity } from "../../../src/wire/agent/agent.ts";
import { encodeFrame, type Frame } from "../../../src/wire/frame.ts";
import { ByteWriter } from "../../../src/wire/primitives.ts";
import { fingerprint } from "../../../src/wire/public-key.ts";

const keyOf = (byte: number): Buffer =>
  new ByteWriter().string("ssh-ed25519").string(Buffer.alloc(32, byte)).toBuffer();
const listing = (...identities: Identity[]): Frame =>
  encodeFrame(encodeAgentReply({ type: "SSH_AGENT_IDENTITIES_ANSWER", identities }));

describe("the names of keys", () => {
  test("are what an agent listed", () => {
    const names = new KeyNames();
    names.learn(listing({ key: keyOf(1), comment: "work" }));
    expect(names.find(keyOf(1))).toEqual({
      type: "ssh-ed25519",
      fingerprint: fingerprint(keyOf(1)),
      comment: "work",
    });
    expect(names.find(keyOf(2))).toBeUndefined();
  });

  test("are those of the last list", () => {
    const names = new KeyNames();
    names.learn(listing({ key: keyOf(1), comment: "old" }, { key: keyOf(2), comment: "removed" }));
    names.learn(listing({ key: keyOf(1), comment: "new" }));
    expect(names.find(keyOf(1))?.comment).toBe("new");
    expect(names.find(keyOf(2))).toBeUndefined();
  });

  test("stay if the answer is no list", () => {
    const names = new KeyNames();
    names.learn(listing({ key: keyOf(1), comment: "work" }));
    for (const payload of [Buffer.of(5), Buffer.of(12, 0), Buffer.of(12, 0, 0, 0, 9), Buffer.of(99)]) {
      names.learn(encodeFrame(payload));
    }
    expect(names.find(keyOf(1))).toBeDefined();
  });

  test("are not hidden by a key that can't be read", () => {
    const names = new KeyNames();
    const broken = new ByteWriter().string("ssh-ed25519").string("short").toBuffer();
    names.learn(listing({ key: broken, comment: "broken" }, { key: keyOf(1), comment: "work" }));
    expect(names.find(broken)).toBeUndefined();
    expect(names.find(keyOf(1))?.comment).toBe("work");
  });

  test("are there for a key of a type that is not known", () => {
    const names = new KeyNames();
    const key = new ByteWriter().string("ssh-new@example.com").string("anything").toBuffer();
    names.learn(listing({ key, comment: "new" }));
    expect(names.find(key)).toMatchObject({ type: "ssh-new@example.com", comment: "new" });
  });
});
