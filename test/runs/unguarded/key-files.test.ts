/** Which private keys need no passphrase, told by how their files begin. */
import { generateKeyPairSync } from "node:crypto";
import { expect, it } from "vitest";
import { isBareKey } from "../../../src/runs/unguarded/key-files.ts";

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const encrypted = { cipher: "aes-256-cbc", passphrase: "secret" };
const pem = (type: "pkcs8" | "sec1", more = {}): string =>
  String(privateKey.export({ format: "pem", type, ...more }));

/** PROTOCOL.key: a magic, then the cipher's name. */
function openssh(cipher: string): string {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(cipher.length);
  const bytes = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    length,
    Buffer.from(cipher),
    Buffer.alloc(100),
  ]);
  const body = bytes.toString("base64").replace(/(.{70})/g, "$1\n");
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${body}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

it.each([
  ["OpenSSH's own format", openssh("none"), true],
  ["the same with a passphrase", openssh("aes256-ctr"), false],
  ["PEM", pem("sec1"), true],
  ["the same with a passphrase", pem("sec1", encrypted), false],
  ["PKCS #8", pem("pkcs8"), true],
  ["the same with a passphrase", pem("pkcs8", encrypted), false],
  ["a public key", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA me@laptop\n", false],
  ["nothing", "", false],
])("%s", (_, text, expected) => {
  expect(isBareKey(text.slice(0, 1024))).toBe(expected);
});
