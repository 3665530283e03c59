import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { SessionBindings } from "../../../src/identity/session-bindings.ts";
import { SessionRegistry } from "../../../src/identity/session-registry.ts";
import { ByteWriter } from "../../../src/wire/primitives.ts";
import type { UserauthData } from "../../../src/wire/signed-data.ts";
import {
  bindDetails,
  certify,
  type HostKey,
  keyNames,
  makeFolder,
  makeKey,
  makeSecurityKey,
  signature,
} from "./keys.ts";

const folder = makeFolder();
const bastion = makeKey(folder);
const database = makeKey(folder, "nistp256");
const authority = makeKey(folder);
const newSession = (): Buffer => randomBytes(32);
const connect = (registry = new SessionRegistry(), process = "100 1"): SessionBindings =>
  new SessionBindings(registry, process);
const login = (sessionIdentifier: Buffer, hostKey?: Buffer): UserauthData => ({
  kind: "userauth",
  sessionIdentifier,
  user: "user",
  method: hostKey ? "publickey-hostbound-v00@openssh.com" : "publickey",
  algorithm: "ssh-ed25519",
  key: bastion.blob,
  ...(hostKey && { hostKey }),
});

/** A connection that came through the bastion. */
function connectThroughBastion(registry?: SessionRegistry, session = newSession()): SessionBindings {
  const bindings = connect(registry);
  expect(bindings.bind(bindDetails(bastion, session, { isForwarding: true }))).toBe("accepted");
  return bindings;
}

describe("a connection of ssh's own", () => {
  it.each(keyNames)("is verified for a login to the host that it is bound to (%s)", (name) => {
    const key = makeKey(folder, name);
    const session = newSession();
    const bindings = connect();
    expect(bindings.bind(bindDetails(key, session))).toBe("accepted");
    expect(bindings.forwarded).toBe(false);
    const verified = { verified: true, hostKey: key.blob, hops: [] };
    expect(bindings.check(login(session))).toEqual(verified);
    expect(bindings.check(login(session, key.blob))).toEqual(verified);
  });

  it("is verified for a host with a certificate", () => {
    const certified = certify(makeKey(folder), authority, "host.example");
    const session = newSession();
    const bindings = connect();
    expect(bindings.bind(bindDetails(certified, session))).toBe("accepted");
    expect(bindings.check(login(session, certified.blob))).toMatchObject({
      verified: true,
      hostKey: certified.blob,
    });
  });

  it("is verified for a host whose key is a security key", () => {
    const key = makeSecurityKey("sk-ssh-ed25519");
    const session = newSession();
    const bindings = connect();
    expect(bindings.bind(bindDetails(key, session))).toBe("accepted");
    expect(bindings.check(login(session))).toMatchObject({ verified: true });
  });

  it("keeps nothing of the buffer that the bind arrived in", () => {
    const session = newSession();
    const details = bindDetails(bastion, session);
    const bindings = connect();
    bindings.bind(details);
    details.fill(0);
    expect(bindings.check(login(session))).toMatchObject({ verified: true, hostKey: bastion.blob });
  });
});

describe("a forwarded connection", () => {
  it("is verified for a host-bound login, and tells its hops", () => {
    const session = newSession();
    const bindings = connectThroughBastion();
    expect(bindings.bind(bindDetails(database, session))).toBe("accepted");
    expect(bindings.forwarded).toBe(true);
    const check = { verified: true, hostKey: database.blob, hops: [bastion.blob] };
    expect(bindings.check(login(session, database.blob))).toEqual(check);
  });

  it("is not verified for a login that isn't bound to the host key", () => {
    const session = newSession();
    const bindings = connectThroughBastion();
    bindings.bind(bindDetails(database, session));
    expect(bindings.check(login(session))).toEqual({
      verified: false,
      reason: "login not bound to a host key",
      hops: [bastion.blob],
      hostKey: database.blob,
    });
  });

  it("is not verified for a login from the far side without a bind of its own", () => {
    const session = newSession();
    const bindings = connectThroughBastion(undefined, session);
    for (const one of [login(newSession(), database.blob), login(session, bastion.blob)]) {
      expect(bindings.check(one)).toEqual({
        verified: false,
        reason: "no session-bind behind the last hop",
        hops: [bastion.blob],
      });
    }
  });

  it("takes sixteen binds, and goes through the same host twice", () => {
    const bindings = connect();
    for (let hop = 0; hop < 15; hop++) {
      expect(bindings.bind(bindDetails(bastion, newSession(), { isForwarding: true }))).toBe("accepted");
    }
    const session = newSession();
    expect(bindings.bind(bindDetails(database, session))).toBe("accepted");
    expect(bindings.check(login(session, database.blob))).toMatchObject({ verified: true });
    expect(bindings.hops).toEqual(Array(15).fill(bastion.blob));
  });
});

describe("a connection is not verified", () => {
  const session = newSession();

  it("without a bind, as third-party clients use it", () => {
    const bindings = connect();
    expect(bindings.forwarded).toBe(false);
    expect(bindings.check(login(session))).toEqual({ verified: false, reason: "no session-bind", hops: [] });
  });

  it.each<[string, UserauthData]>([
    ["session identifier differs", login(newSession())],
    ["session identifier differs", login(newSession(), bastion.blob)],
    ["host key differs", login(session, database.blob)],
  ])("for a login of another session or host: %s", (reason, other) => {
    const bindings = connect();
    bindings.bind(bindDetails(bastion, session));
    expect(bindings.check(other)).toEqual({ verified: false, reason, hops: [] });
    expect(bindings.check(login(session))).toMatchObject({ verified: true });
  });
});

describe("a bind is refused", () => {
  const session = newSession();
  const good = bindDetails(bastion, session);
  const certified = certify(makeKey(folder), authority, "host.example");
  const changed = Buffer.from(
    certified.blob.toString("latin1").replace("host.example", "root.example"),
    "latin1",
  );
  const userKey = makeKey(folder);
  const refused: [string, Buffer, Buffer[]?][] = [
    ["empty", Buffer.alloc(0)],
    ["cut short", good.subarray(0, -1)],
    ["too long", Buffer.concat([good, Buffer.of(0)])],
    ["with a broken host key", bindDetails({ ...bastion, blob: Buffer.of(0, 0, 0, 0) }, session)],
    ["with another host's key", bindDetails({ ...bastion, blob: database.blob }, session)],
    ["with another host's signature", bindDetails({ ...bastion, sign: userKey.sign }, session)],
    [
      "with a signature of another session",
      bindDetails(bastion, session, { sessionIdentifier: newSession() }),
    ],
    [
      "with a certificate that its authority didn't sign",
      bindDetails({ ...certified, blob: changed }, session),
    ],
    ["with a session identifier of no bytes", bindDetails(bastion, Buffer.alloc(0))],
    ["with a session identifier of 129 bytes", bindDetails(bastion, randomBytes(129))],
    ["for a second time", good, [good]],
    ["for a second time, forwarding", bindDetails(bastion, session, { isForwarding: true }), [good]],
    [
      "for a session that was forwarded through",
      good,
      [bindDetails(bastion, session, { isForwarding: true })],
    ],
    [
      "with the same session under another key",
      bindDetails(database, session),
      [bindDetails(bastion, session, { isForwarding: true })],
    ],
    ["after one for authentication", bindDetails(database, newSession()), [good]],
    [
      "forwarding after one for authentication",
      bindDetails(database, newSession(), { isForwarding: true }),
      [good],
    ],
    [
      "as the seventeenth",
      good,
      Array.from({ length: 16 }, () => bindDetails(bastion, newSession(), { isForwarding: true })),
    ],
  ];

  it.each(refused)(
    "%s, and the connection counts as forwarded and unverified for good",
    (_name, details, before = []) => {
      const bindings = connect();
      for (const earlier of before) expect(bindings.bind(earlier)).toBe("accepted");
      expect(bindings.bind(details)).toBe("refused");
      expect(bindings.forwarded).toBe(true);
      expect(bindings.check(login(session, bastion.blob))).toMatchObject({
        verified: false,
        reason: "session-bind refused",
      });
      const next = newSession();
      bindings.bind(bindDetails(database, next));
      expect(bindings.check(login(next, database.blob))).toMatchObject({ verified: false });
    },
  );

  it("unless its session identifier has at most 128 bytes", () => {
    expect(connect().bind(bindDetails(bastion, randomBytes(128)))).toBe("accepted");
  });

  it("and the host that follows is still proven for its login", () => {
    const bindings = connect();
    bindings.bind(Buffer.alloc(0));
    expect(bindings.bind(bindDetails(database, session))).toBe("accepted");
    expect(bindings.check(login(session, database.blob))).toEqual({
      verified: false,
      reason: "session-bind refused",
      hops: [],
      hostKey: database.blob,
    });
  });
});

describe("a bind is unsupported", () => {
  const session = newSession();
  const postQuantum = {
    blob: new ByteWriter().string("ssh-mldsa44-ed25519@openssh.com").string("key").toBuffer(),
    sign: () => signature("ssh-mldsa44-ed25519@openssh.com", Buffer.from("signature")),
  };
  const rsa = makeKey(folder, "rsa");
  const sha1 = { ...rsa, sign: () => signature("ssh-rsa", Buffer.alloc(256)) };

  it.each<[string, Pick<HostKey, "blob" | "sign">]>([
    ["of a type that is newer than this program", postQuantum],
    ["that signed with SHA-1", sha1],
  ])("with a host key %s, and the connection counts as forwarded and unverified", (_name, key) => {
    const bindings = connect();
    expect(bindings.bind(bindDetails(key, session))).toBe("unsupported");
    expect(bindings.forwarded).toBe(true);
    expect(bindings.check(login(session))).toEqual({
      verified: false,
      reason: "unsupported host key",
      hops: [],
    });
    expect(bindings.bind(bindDetails(bastion, newSession()))).toBe("refused");
  });

  it("as a hop, and what follows is unverified as well", () => {
    const bindings = connect();
    expect(bindings.bind(bindDetails(postQuantum, newSession(), { isForwarding: true }))).toBe("unsupported");
    expect(bindings.bind(bindDetails(database, session))).toBe("accepted");
    expect(bindings.check(login(session, database.blob))).toMatchObject({
      verified: false,
      reason: "unsupported host key",
      hostKey: database.blob,
    });
  });
});

describe("a session that was bound for authentication before", () => {
  const session = newSession();
  const details = bindDetails(database, session);
  const bindFirst = (): SessionRegistry => {
    const registry = new SessionRegistry();
    expect(connect(registry).bind(details)).toBe("accepted");
    return registry;
  };

  it("is a replay when another process brings it", () => {
    const replay = connect(bindFirst(), "200 2");
    expect(replay.bind(details)).toBe("refused");
    expect(replay.check(login(session, database.blob))).toMatchObject({ verified: false });
  });

  it("is a replay when it comes over another path", () => {
    expect(connectThroughBastion(bindFirst()).bind(details)).toBe("refused");
  });

  it("is bound again by the same process, as after a partial success", () => {
    const again = connect(bindFirst());
    expect(again.bind(details)).toBe("accepted");
    expect(again.check(login(session))).toMatchObject({ verified: true });
  });

  it("is bound again over the same path, and over no other", () => {
    const registry = new SessionRegistry();
    const hop = newSession();
    expect(connectThroughBastion(registry, hop).bind(details)).toBe("accepted");
    expect(connectThroughBastion(registry, hop).bind(details)).toBe("accepted");
    expect(connectThroughBastion(registry).bind(details)).toBe("refused");
    expect(connect(registry).bind(details)).toBe("refused");
  });

  it("is forwarded through by whoever holds the connection: ssh goes to the background", () => {
    const forwarding = connect(bindFirst(), "101 5");
    expect(forwarding.bind(bindDetails(database, session, { isForwarding: true }))).toBe("accepted");
    expect(forwarding.forwarded).toBe(true);
  });

  it("is not taken by a bind that isn't valid", () => {
    const registry = new SessionRegistry();
    const forged = bindDetails({ ...database, sign: bastion.sign }, session);
    expect(connect(registry, "200 2").bind(forged)).toBe("refused");
    expect(connect(registry).bind(details)).toBe("accepted");
  });

  it("is known after its connection has ended", () => {
    const registry = new SessionRegistry();
    const first = connect(registry);
    first.bind(details);
    first.end();
    first.end();
    expect(connect(registry, "200 2").bind(details)).toBe("refused");
  });
});
