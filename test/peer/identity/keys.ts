/** Real keys and certificates from ssh-keygen, and signatures such as a host or an authority makes. */
import { execFileSync } from "node:child_process";
import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { encodeSessionBind, type SessionBind } from "../../../src/wire/agent/session-bind.ts";
import { ByteReader, ByteWriter } from "../../../src/wire/primitives.ts";
import { type Certificate, parsePublicKey } from "../../../src/wire/public-key.ts";

/** A key that signs as an SSH host does. */
export interface HostKey {
  /** The path of the private key; the public one is beside it. */
  path: string;
  blob: Buffer;
  sign(data: Buffer): Buffer;
}

/** A temporary folder, removed after the file's tests. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "muxguard-identity-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function keygen(...args: string[]): string {
  return execFileSync("ssh-keygen", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

const keyTypes = {
  ed25519: ["-t", "ed25519"],
  nistp256: ["-t", "ecdsa", "-b", "256", "-m", "PEM"],
  nistp384: ["-t", "ecdsa", "-b", "384", "-m", "PEM"],
  nistp521: ["-t", "ecdsa", "-b", "521", "-m", "PEM"],
  rsa: ["-t", "rsa", "-b", "2048", "-m", "PEM"],
} as const;
export type KeyName = keyof typeof keyTypes;
export const keyNames = Object.keys(keyTypes) as KeyName[];

let made = 0;

export function makeKey(folder: string, name: KeyName = "ed25519"): HostKey {
  const path = join(folder, `key-${++made}`);
  keygen("-q", "-N", "", "-C", "", "-f", path, ...keyTypes[name]);
  const privateKey = name === "ed25519" ? readEd25519(path) : createPrivateKey(readFileSync(path));
  const blob = readBlob(`${path}.pub`);
  return { path, blob, sign: (data) => signAs(name, privateKey, data) };
}

/** The blob in a public key or certificate file. */
export function readBlob(path: string): Buffer {
  return Buffer.from(readFileSync(path, "utf8").split(" ")[1] ?? "", "base64");
}

/** PROTOCOL.key; Node can't read OpenSSH's own format, and ssh-keygen writes no other for Ed25519. */
function readEd25519(path: string): KeyObject {
  const text = readFileSync(path, "utf8").replace(/-----.*-----|\s/g, "");
  const reader = new ByteReader(Buffer.from(text, "base64"));
  reader.bytes("openssh-key-v1\0".length);
  for (let skipped = 0; skipped < 3; skipped++) reader.string(); // cipher, kdf and its options: none
  reader.u32();
  reader.string();
  const secret = new ByteReader(reader.string());
  secret.u64(); // check numbers
  secret.string();
  const x = secret.string();
  const d = secret.string().subarray(0, 32);
  const jwk = { kty: "OKP", crv: "Ed25519", x: x.toString("base64url"), d: d.toString("base64url") };
  return createPrivateKey({ key: jwk, format: "jwk" });
}

const ecdsaHashes = { nistp256: "sha256", nistp384: "sha384", nistp521: "sha512" } as const;

function signAs(name: KeyName, key: KeyObject, data: Buffer): Buffer {
  if (name === "ed25519") return signature("ssh-ed25519", sign(null, data, key));
  if (name === "rsa") return signature("rsa-sha2-512", sign("sha512", data, key));
  return signature(`ecdsa-sha2-${name}`, ecdsa(ecdsaHashes[name], key, data));
}

export function signature(algorithm: string, blob: Buffer, rest: Buffer = Buffer.alloc(0)): Buffer {
  return new ByteWriter().string(algorithm).string(blob).bytes(rest).toBuffer();
}

/** r and s as mpints, from the fixed lengths that Node gives. */
export function ecdsa(hash: string, key: KeyObject, data: Buffer): Buffer {
  const rs = sign(hash, data, { key, dsaEncoding: "ieee-p1363" });
  const half = rs.length / 2;
  return new ByteWriter()
    .string(mpint(rs.subarray(0, half)))
    .string(mpint(rs.subarray(half)))
    .toBuffer();
}

export function mpint(number: Buffer): Buffer {
  let start = 0;
  while (number[start] === 0) start++;
  const short = number.subarray(start);
  return (short[0] ?? 0) > 0x7f ? Buffer.concat([Buffer.of(0), short]) : short;
}

/** A security key in software: the same signatures, without the touch. */
export function makeSecurityKey(kind: "sk-ssh-ed25519" | "sk-ecdsa-sha2-nistp256"): Omit<HostKey, "path"> {
  const type = `${kind}@openssh.com`;
  const { privateKey, publicKey } =
    kind === "sk-ssh-ed25519"
      ? generateKeyPairSync("ed25519")
      : generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { x = "", y = "" } = publicKey.export({ format: "jwk" });
  const coordinates = [x, y].map((value) => Buffer.from(value, "base64url"));
  const writer = new ByteWriter().string(type);
  if (kind === "sk-ssh-ed25519") writer.string(coordinates[0] ?? "");
  else writer.string("nistp256").string(Buffer.concat([Buffer.of(4), ...coordinates]));
  return {
    blob: writer.string("ssh:").toBuffer(),
    sign: (data) => {
      const flagsAndCounter = Buffer.from("0100000007", "hex");
      const signed = Buffer.concat([sha256(Buffer.from("ssh:")), flagsAndCounter, sha256(data)]);
      const made =
        kind === "sk-ssh-ed25519" ? sign(null, signed, privateKey) : ecdsa("sha256", privateKey, signed);
      return signature(type, made, flagsAndCounter);
    },
  };
}

function sha256(data: Buffer): Buffer {
  return createHash("sha256").update(data).digest();
}

/** @param options further ones for ssh-keygen; a host certificate unless they say otherwise */
export function certify(key: HostKey, authority: HostKey, principals: string, ...options: string[]): HostKey {
  const names = principals === "" ? [] : ["-n", principals];
  const role = options.includes("user") ? [] : ["-h"];
  const others = options.filter((option) => option !== "user");
  keygen("-q", "-s", authority.path, "-I", "test", ...role, ...names, ...others, `${key.path}.pub`);
  return { ...key, blob: readBlob(`${key.path}-cert.pub`) };
}

export function readCertificate(blob: Buffer): Certificate {
  const key = parsePublicKey(blob);
  if (key.kind !== "certificate") throw new Error(`${key.type} is no certificate`);
  return key;
}

/** The details of a session-bind, signed by the host. */
export function bindDetails(
  key: Pick<HostKey, "blob" | "sign">,
  sessionIdentifier: Buffer,
  changes: Partial<SessionBind> = {},
): Buffer {
  const signed = { hostKey: key.blob, sessionIdentifier, signature: key.sign(sessionIdentifier) };
  return encodeSessionBind({ ...signed, isForwarding: false, ...changes });
}
