import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeSessionBind, parseSessionBind } from "../../src/wire/agent/session-bind.ts";
import { ByteWriter } from "../../src/wire/primitives.ts";
import { ProtocolError } from "../../src/wire/protocol-error.ts";
import {
  encodeSshsig,
  encodeUserauth,
  parseSignedData,
  parseSshsig,
  parseUserauth,
  type SshsigData,
  type UserauthData,
} from "../../src/wire/signed-data.ts";
import { keyBlob, sessionBind, sshsig, userauth } from "../support/wire.ts";

const point = Buffer.alloc(32, 1);
const key = new ByteWriter().string("ssh-ed25519").string(point).toBuffer();
const hostKey = new ByteWriter().string("ssh-ed25519").string(Buffer.alloc(32, 2)).toBuffer();

const login: UserauthData = {
  kind: "userauth",
  sessionIdentifier: Buffer.alloc(32, 3),
  user: "git",
  method: "publickey-hostbound-v00@openssh.com",
  algorithm: "ssh-ed25519",
  key,
  hostKey,
};
const signed: SshsigData = {
  kind: "sshsig",
  namespace: "git",
  hashAlgorithm: "sha512",
  hash: Buffer.alloc(64),
};

describe("a login", () => {
  test("is read as it was written, with both methods", () => {
    fc.assert(
      fc.property(userauth, (value) => {
        expect(parseUserauth(encodeUserauth(value))).toEqual(value);
      }),
    );
  });

  interface Fields {
    sessionIdentifier: string | Buffer;
    message: number;
    user: string;
    service: string;
    method: string;
    hasSignature: number;
    algorithm: string;
    key: Buffer;
    more: Buffer;
  }
  const usual: Fields = {
    sessionIdentifier: "session",
    message: 50,
    user: "git",
    service: "ssh-connection",
    method: "publickey",
    hasSignature: 1,
    algorithm: "ssh-ed25519",
    key,
    more: Buffer.alloc(0),
  };
  const write = (fields: Partial<Fields>): Buffer => {
    const all = { ...usual, ...fields };
    return new ByteWriter()
      .string(all.sessionIdentifier)
      .u8(all.message)
      .string(all.user)
      .string(all.service)
      .string(all.method)
      .u8(all.hasSignature)
      .string(all.algorithm)
      .string(all.key)
      .bytes(all.more)
      .toBuffer();
  };
  const bound = new ByteWriter().string(hostKey).toBuffer();
  const hostbound = "publickey-hostbound-v00@openssh.com";

  test("is written as the RFC says", () => {
    expect(parseUserauth(write({}))).toMatchObject({ user: "git", method: "publickey", key });
    expect(parseUserauth(write({ method: hostbound, more: bound }))).toMatchObject({ hostKey });
  });

  const almost: [string, Partial<Fields>][] = [
    ["an empty session identifier", { sessionIdentifier: "" }],
    ["another message number", { message: 51 }],
    ["a NUL in the user name", { user: "git\0root" }],
    ["another service", { service: "ssh-userauth" }],
    ["a NUL after the service", { service: "ssh-connection\0" }],
    ["no service", { service: "" }],
    ["no signature", { hasSignature: 0 }],
    ["an odd boolean", { hasSignature: 2 }],
    ["method password", { method: "password" }],
    ["method hostbased", { method: "hostbased" }],
    [
      "a host-bound method of another version",
      { method: "publickey-hostbound-v01@openssh.com", more: bound },
    ],
    ["an algorithm for another type of key", { algorithm: "ssh-rsa" }],
    ["a key that is none", { key: Buffer.from("key") }],
    ["an algorithm of another type of key", { algorithm: "rsa-sha2-512" }],
    ["an algorithm of its certificate", { algorithm: "ssh-ed25519-cert-v01@openssh.com" }],
    ["no algorithm", { algorithm: "" }],
    ["a host key with the plain method", { more: bound }],
    ["no host key with the host-bound method", { method: hostbound }],
    ["a host key that is none", { method: hostbound, more: new ByteWriter().string("x").toBuffer() }],
    ["a byte after the host key", { method: hostbound, more: Buffer.concat([bound, Buffer.of(0)]) }],
  ];

  test.each(almost)("with %s is no login, and opaque to sign", (_, fields) => {
    const data = write(fields);
    expect(() => parseUserauth(data)).toThrow(ProtocolError);
    expect(parseSignedData(data, key)).toEqual({ kind: "opaque", length: data.length });
  });

  test("is one to sign with the key that it names alone", () => {
    fc.assert(
      fc.property(userauth, keyBlob, (value, other) => {
        const data = encodeUserauth(value);
        expect(parseSignedData(data, value.key)).toEqual(value);
        const verdict = parseSignedData(data, other);
        expect(verdict).toEqual(other.equals(value.key) ? value : { kind: "opaque", length: data.length });
      }),
    );
  });
});

describe("an SSHSIG", () => {
  test("is read as it was written", () => {
    fc.assert(
      fc.property(sshsig, (value) => {
        expect(parseSshsig(encodeSshsig(value))).toEqual(value);
        expect(parseSignedData(encodeSshsig(value), key)).toEqual(value);
      }),
    );
  });

  const whole = encodeSshsig(signed);
  const almost: [string, Buffer][] = [
    ["another magic", Buffer.concat([Buffer.from("SSHSIH"), whole.subarray(6)])],
    ["no namespace", encodeSshsig({ ...signed, namespace: "" })],
    ["a NUL in its namespace", encodeSshsig({ ...signed, namespace: "git\0file" })],
    ["an unknown hash", encodeSshsig({ ...signed, hashAlgorithm: "sha1" })],
    ["a hash in capitals", encodeSshsig({ ...signed, hashAlgorithm: "SHA512" })],
    ["a byte too many", Buffer.concat([whole, Buffer.of(0)])],
    ["a byte too few", whole.subarray(0, -1)],
  ];

  test.each(almost)("with %s is none, and opaque to sign", (_, data) => {
    expect(() => parseSshsig(data)).toThrow(ProtocolError);
    expect(parseSignedData(data, key)).toMatchObject({ kind: "opaque", length: data.length });
  });
});

test("no bytes are a login and an SSHSIG at once", () => {
  fc.assert(
    fc.property(fc.oneof(userauth.map(encodeUserauth), sshsig.map(encodeSshsig)), (data) => {
      const readings = [parseUserauth, parseSshsig].filter((parse) => {
        try {
          return parse(data) !== undefined;
        } catch {
          return false;
        }
      });
      expect(readings).toHaveLength(1);
    }),
  );
});

test("what is to be signed is opaque where it has no shape", () => {
  for (const data of [Buffer.alloc(0), Buffer.from("SSHSIG"), Buffer.alloc(1024, 0xff)]) {
    expect(parseSignedData(data, key)).toEqual({ kind: "opaque", length: data.length, noLogin: true });
  }
  expect(parseSignedData(encodeUserauth(login), hostKey).kind).toBe("opaque");
});

test("what begins with a string may be a login that a later ssh knows, or a certificate for one", () => {
  const certificate = new ByteWriter().string("ssh-ed25519-cert-v01@openssh.com").bytes(Buffer.alloc(90, 7));
  const later = new ByteWriter().string(login.sessionIdentifier).u8(50).bytes(Buffer.alloc(90, 7));
  for (const writer of [certificate, later])
    expect(parseSignedData(writer.toBuffer(), key)).not.toHaveProperty("noLogin");
});

test("a session-bind is read as it was written", () => {
  fc.assert(
    fc.property(sessionBind, (value) => {
      expect(parseSessionBind(encodeSessionBind(value))).toEqual(value);
    }),
  );
});

test("any byte but 0 says that a session-bind is for forwarding", () => {
  const bind = { hostKey, sessionIdentifier: Buffer.of(1), signature: Buffer.of(2), isForwarding: false };
  const bytes = encodeSessionBind(bind);
  bytes[bytes.length - 1] = 0x80;
  expect(parseSessionBind(bytes).isForwarding).toBe(true);
});
