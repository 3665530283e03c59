import { describe, expect, test } from "vitest";
import { parseAgentReply, parseAgentRequest } from "../../src/wire/agent/agent.ts";
import { encodeSessionBind, parseSessionBind, type SessionBind } from "../../src/wire/agent/session-bind.ts";
import { ByteWriter } from "../../src/wire/primitives.ts";
import { ProtocolError } from "../../src/wire/protocol-error.ts";
import { fingerprint, keyType, parsePublicKey, parseSignature } from "../../src/wire/public-key.ts";
import { encodeUserauth, parseSshsig, parseUserauth } from "../../src/wire/signed-data.ts";

type Rows = [string, Buffer][];

const w = (): ByteWriter => new ByteWriter();
const message = (number: number): ByteWriter => w().u8(number);
const announces = (length: number, contents: string): Buffer =>
  w().u32(length).bytes(Buffer.from(contents)).toBuffer();

function refusesAll(rows: Rows, parse: (payload: Buffer) => unknown): void {
  test.each(rows)("%s", (_, payload) => {
    expect(() => parse(payload)).toThrow(ProtocolError);
  });
}

const point = Buffer.alloc(32, 1);
const ed25519 = w().string("ssh-ed25519").string(point).toBuffer();
const added = (number: number): ByteWriter =>
  message(number).string("ssh-ed25519").string(point).string("private").string("comment");

describe("a request is refused", () => {
  const signed = message(13).string(ed25519).string("data");
  const rows: Rows = [
    ["without a message number", Buffer.alloc(0)],
    ["list with a trailing byte", Buffer.of(11, 0)],
    ["remove all with a trailing byte", Buffer.of(19, 0)],
    ["sign request without a key", message(13).toBuffer()],
    ["sign request with half a length", Buffer.of(13, 0, 0)],
    ["sign request without data", message(13).string(ed25519).toBuffer()],
    ["sign request without flags", signed.toBuffer()],
    ["sign request cut in the flags", Buffer.concat([signed.toBuffer(), Buffer.of(0, 0, 0)])],
    ["sign request with a trailing byte", Buffer.concat([signed.toBuffer(), Buffer.of(0, 0, 0, 0, 0)])],
    [
      "sign request whose key is longer than the message",
      message(13).bytes(announces(100, "key")).toBuffer(),
    ],
    [
      "sign request whose key has the greatest length",
      message(13).bytes(announces(0xffffffff, "key")).toBuffer(),
    ],
    ["remove with a trailing byte", message(18).string(ed25519).u8(0).toBuffer()],
    ["lock without a passphrase", Buffer.of(22)],
    ["unlock with a trailing byte", message(23).string("x").u8(0).toBuffer()],
    ["smartcard without a PIN", message(20).string("/lib.so").toBuffer()],
    ["smartcard whose library has a NUL", message(20).string("/good.so\0/bad.so").string("").toBuffer()],
    ["smartcard removed with constraints", message(21).string("/lib.so").string("").u8(2).toBuffer()],
    ["extension without a name", Buffer.of(27)],
    ["extension whose name has a NUL", message(27).string("session-bind@openssh.com\0").toBuffer()],
    ["extension whose name is cut", message(27).bytes(announces(10, "query")).toBuffer()],
  ];
  refusesAll(rows, parseAgentRequest);
});

describe("adding a key is refused", () => {
  const extension = (name: string): ByteWriter => added(25).u8(255).string(name);
  const rows: Rows = [
    ["without a key type", Buffer.of(17)],
    ["of a type whose layout is unknown", message(17).string("ssh-new").string("a").string("b").toBuffer()],
    ["cut before the private key", message(17).string("ssh-ed25519").string(point).toBuffer()],
    ["cut before the comment", message(17).string("ssh-ed25519").string(point).string("private").toBuffer()],
    [
      "with a NUL in the comment",
      message(17).string("ssh-ed25519").string(point).string("").string("a\0b").toBuffer(),
    ],
    ["with constraints, by the unconstrained message", added(17).u8(2).toBuffer()],
    ["with a lifetime that is cut", added(25).u8(1).u8(0).toBuffer()],
    ["with constraint 0", added(25).u8(0).toBuffer()],
    ["with constraint 3, OpenSSH's former maximum of signatures", added(25).u8(3).u32(1).toBuffer()],
    ["with constraint 254", added(25).u8(254).toBuffer()],
    ["with an extension constraint without a name", added(25).u8(255).toBuffer()],
    ["with an unknown extension constraint", extension("new@example.com").string("").toBuffer()],
    ["with a security key provider that is cut", extension("sk-provider@openssh.com").toBuffer()],
    ["with a destination that is cut", extension("restrict-destination-v00@openssh.com").u32(9).toBuffer()],
    ["with certificates that are cut", extension("associated-certs-v00@openssh.com").u8(1).toBuffer()],
    ["with a byte after the last constraint", added(25).u8(2).u8(0).toBuffer()],
    [
      "with a security key whose flags are cut",
      message(17).string("sk-ssh-ed25519@openssh.com").string(point).string("ssh:").toBuffer(),
    ],
  ];
  refusesAll(rows, parseAgentRequest);
});

test.each(Object.getOwnPropertyNames(Object.prototype))(
  "adding a key of type %s is refused, whatever follows",
  (type) => {
    for (let length = 0; length < 400; length++) {
      const payload = message(17).string(type).bytes(Buffer.alloc(length)).toBuffer();
      expect(() => parseAgentRequest(payload)).toThrow(ProtocolError);
    }
  },
);

describe("a reply is refused", () => {
  const list = (count: number): ByteWriter => message(12).u32(count);
  const rows: Rows = [
    ["without a message number", Buffer.alloc(0)],
    ["failure with a trailing byte", Buffer.of(5, 0)],
    ["success with a trailing byte", Buffer.of(6, 0)],
    ["a list without a count", Buffer.of(12)],
    ["a list of one key that holds none", list(1).toBuffer()],
    ["a list of four thousand million keys", list(0xffffffff).string(ed25519).string("").toBuffer()],
    ["a list of no keys that holds one", list(0).string(ed25519).string("").toBuffer()],
    ["a list whose last comment is missing", list(1).string(ed25519).toBuffer()],
    ["a signature with a trailing byte", message(14).string("signature").u8(0).toBuffer()],
    ["a signature that is cut", message(14).bytes(announces(10, "short")).toBuffer()],
  ];
  refusesAll(rows, parseAgentReply);
});

describe("a session-bind is refused", () => {
  const bind: SessionBind = {
    hostKey: ed25519,
    sessionIdentifier: Buffer.alloc(32),
    signature: Buffer.alloc(64),
    isForwarding: true,
  };
  const whole = encodeSessionBind(bind);
  const rows: Rows = [
    ["empty", Buffer.alloc(0)],
    ["without the forwarding flag", whole.subarray(0, -1)],
    ["with a trailing byte", Buffer.concat([whole, Buffer.of(0)])],
    ["with a host key longer than the message", announces(5000, "key")],
  ];
  refusesAll(rows, parseSessionBind);
});

describe("a public key is refused", () => {
  const rows: Rows = [
    ["empty", Buffer.alloc(0)],
    ["without a type", w().string("").toBuffer()],
    ["with a NUL in the type", w().string("ssh-ed25519\0").string(point).toBuffer()],
    ["Ed25519 of 31 bytes", w().string("ssh-ed25519").string(point.subarray(1)).toBuffer()],
    ["Ed25519 with a trailing byte", Buffer.concat([ed25519, Buffer.of(0)])],
    ["RSA without a modulus", w().string("ssh-rsa").string("e").toBuffer()],
    ["ECDSA on another curve", w().string("ecdsa-sha2-nistp256").string("nistp384").string("").toBuffer()],
    ["ECDSA on part of a curve", w().string("ecdsa-sha2-nistp256").string("nistp2").string("").toBuffer()],
    [
      "ECDSA on another word of its type",
      w().string("ecdsa-sha2-nistp256").string("sha2").string("").toBuffer(),
    ],
    ["ECDSA on no curve", w().string("ecdsa-sha2-nistp256").string("").string("").toBuffer()],
    [
      "a certificate that is cut after the nonce",
      w().string("ssh-ed25519-cert-v01@openssh.com").string("n").toBuffer(),
    ],
  ];
  refusesAll(rows, parsePublicKey);
  refusesAll(rows, fingerprint);
});

describe("other parts of a message are refused", () => {
  const login = encodeUserauth({
    kind: "userauth",
    sessionIdentifier: Buffer.alloc(32),
    user: "git",
    method: "publickey",
    algorithm: "ssh-ed25519",
    key: ed25519,
  });
  test.each([
    ["a signature without an algorithm", () => parseSignature(Buffer.alloc(0))],
    ["a signature that is cut", () => parseSignature(w().string("ssh-ed25519").u32(64).toBuffer())],
    ["a key type of a blob that is none", () => keyType(Buffer.of(0, 0, 0, 9))],
    ["a login cut before its key", () => parseUserauth(login.subarray(0, -ed25519.length - 4))],
    ["a login cut in its key", () => parseUserauth(login.subarray(0, -1))],
    ["a login with a trailing byte", () => parseUserauth(Buffer.concat([login, Buffer.of(0)]))],
    ["an SSHSIG that is cut", () => parseSshsig(Buffer.from("SSHSIG"))],
    ["an SSHSIG's beginning", () => parseSshsig(Buffer.from("SSHS"))],
  ])("%s", (_, parse) => {
    expect(parse).toThrow(ProtocolError);
  });
});

test("an error never repeats what the message held", () => {
  const hostile = "\u001b[2Jhidden";
  const payloads = [
    message(17).string(hostile).string("a").toBuffer(),
    added(25).u8(255).string(hostile).toBuffer(),
    message(20).string(`${hostile}\0`).string("").toBuffer(),
  ];
  for (const payload of payloads) {
    const refused = expect(() => parseAgentRequest(payload));
    refused.toThrow(ProtocolError);
    expect(() => parseAgentRequest(payload)).not.toThrow(/hidden/);
  }
});
