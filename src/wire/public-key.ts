/**
 * Public key blobs: RFC 4253 §6.6 (RSA), RFC 5656 (ECDSA), RFC 8709 (Ed25519), OpenSSH's PROTOCOL.u2f
 * (security keys) and PROTOCOL.certkeys (certificates).
 *
 * Limits: nothing is verified here, see identity/hosts/host-key.ts. A key type that is not known is a value
 * of its own and no error. An agent may hold keys that are newer than this code, and using one is still
 * decided, by its fingerprint.
 */
import { createHash } from "node:crypto";
import { ByteReader, ByteWriter, readAll, readEach } from "./primitives.ts";
import { ProtocolError } from "./protocol-error.ts";

export type PlainKey =
  | { kind: "rsa"; type: string; exponent: Buffer; modulus: Buffer }
  | { kind: "ecdsa"; type: string; curve: string; point: Buffer }
  | { kind: "ed25519"; type: string; point: Buffer }
  | { kind: "sk-ecdsa"; type: string; curve: string; point: Buffer; application: Buffer }
  | { kind: "sk-ed25519"; type: string; point: Buffer; application: Buffer };

export interface Certificate {
  kind: "certificate";
  type: string;
  /** The certified key, without the certificate. */
  key: PlainKey;
  serial: bigint;
  role: "user" | "host" | "unknown";
  keyId: string;
  principals: string[];
  /** Seconds since 1970; the certificate is valid from `validAfter` on and before `validBefore`. */
  validAfter: bigint;
  validBefore: bigint;
  criticalOptions: string[];
  /** The key blob of the authority that signed. */
  authority: Buffer;
  /** What was signed: all of the certificate before its signature. */
  signedPart: Buffer;
  signature: Buffer;
}

export type PublicKey = PlainKey | Certificate | { kind: "unknown"; type: string };

const CERTIFICATE_SUFFIX = "-cert-v01@openssh.com";
const CERTIFICATE_ROLES = new Map<number, Certificate["role"]>([
  [1, "user"],
  [2, "host"],
]);

/** @throws ProtocolError for a blob that its type doesn't allow */
export function parsePublicKey(blob: Buffer): PublicKey {
  const reader = new ByteReader(blob);
  const type = reader.text();
  if (type === "") throw new ProtocolError("key blob without a type");
  if (type.endsWith(CERTIFICATE_SUFFIX)) return parseCertificate(reader, type, blob);
  const key = readPlainKey(reader, type);
  if (!key) return { kind: "unknown", type };
  reader.end();
  return key;
}

/** The fields after the type; undefined for a type that is not known here. */
function readPlainKey(reader: ByteReader, type: string): PlainKey | undefined {
  switch (type) {
    case "ssh-rsa":
      return { kind: "rsa", type, exponent: reader.string(), modulus: reader.string() };
    case "ecdsa-sha2-nistp256":
    case "ecdsa-sha2-nistp384":
    case "ecdsa-sha2-nistp521":
      return { kind: "ecdsa", type, curve: readCurve(reader, type), point: reader.string() };
    case "ssh-ed25519":
      return { kind: "ed25519", type, point: readEd25519Point(reader) };
    case "sk-ecdsa-sha2-nistp256@openssh.com": {
      const curve = readCurve(reader, type);
      return { kind: "sk-ecdsa", type, curve, point: reader.string(), application: reader.string() };
    }
    case "sk-ssh-ed25519@openssh.com":
      return { kind: "sk-ed25519", type, point: readEd25519Point(reader), application: reader.string() };
    default:
      return undefined;
  }
}

function readCurve(reader: ByteReader, type: string): string {
  const curve = reader.text();
  const [expected] = /nistp\d+/.exec(type) ?? [];
  if (curve !== expected) throw new ProtocolError(`key type ${type} with another curve`);
  return curve;
}

function readEd25519Point(reader: ByteReader): Buffer {
  const point = reader.string();
  if (point.length !== 32) throw new ProtocolError("an Ed25519 key that is not 32 bytes long");
  return point;
}

/** PROTOCOL.certkeys, "New public key formats": the same frame around the fields of each key type. */
function parseCertificate(reader: ByteReader, type: string, blob: Buffer): PublicKey {
  const nonce = reader.string();
  const key = readPlainKey(reader, plainType(type));
  if (!key || nonce.length === 0) return { kind: "unknown", type };
  const serial = reader.u64();
  const role = CERTIFICATE_ROLES.get(reader.u32()) ?? "unknown";
  const keyId = reader.text();
  const principals = readEach(reader.string(), (list) => list.text());
  const validAfter = reader.u64();
  const validBefore = reader.u64();
  const criticalOptions = readEach(reader.string(), readOptionName);
  reader.string(); // extensions: they widen what a user certificate may do, a host certificate has none
  reader.string(); // reserved
  const authority = reader.string();
  const signedPart = blob.subarray(0, reader.offset);
  const signature = reader.string();
  reader.end();
  const validity = { validAfter, validBefore };
  const fields = {
    serial,
    role,
    keyId,
    principals,
    ...validity,
    criticalOptions,
    authority,
    signedPart,
    signature,
  };
  return { kind: "certificate", type, key, ...fields };
}

function readOptionName(reader: ByteReader): string {
  const name = reader.text();
  reader.string();
  return name;
}

/**
 * The type of the key inside a certificate: `sk-ssh-ed25519-cert-v01@openssh.com` holds an
 * `sk-ssh-ed25519@openssh.com`.
 */
function plainType(type: string): string {
  const base = type.slice(0, -CERTIFICATE_SUFFIX.length);
  return base.startsWith("sk-") ? `${base}@openssh.com` : base;
}

export function encodePlainKey(key: PlainKey): Buffer {
  const writer = new ByteWriter().string(key.type);
  switch (key.kind) {
    case "rsa":
      return writer.string(key.exponent).string(key.modulus).toBuffer();
    case "ecdsa":
      return writer.string(key.curve).string(key.point).toBuffer();
    case "ed25519":
      return writer.string(key.point).toBuffer();
    case "sk-ecdsa":
      return writer.string(key.curve).string(key.point).string(key.application).toBuffer();
    case "sk-ed25519":
      return writer.string(key.point).string(key.application).toBuffer();
  }
}

/** The blob of the key itself: a certificate's without the certificate, any other as it is. */
export function plainKeyBlob(blob: Buffer): Buffer {
  const key = parsePublicKey(blob);
  return key.kind === "certificate" ? encodePlainKey(key.key) : blob;
}

/**
 * As `ssh-keygen -l` prints it: `SHA256:` and base64 without padding. A certificate has the fingerprint of
 * its key.
 */
export function fingerprint(blob: Buffer): string {
  return `SHA256:${createHash("sha256").update(plainKeyBlob(blob)).digest("base64").replace(/=+$/, "")}`;
}

/** The key's type as its blob names it. */
export function keyType(blob: Buffer): string {
  return new ByteReader(blob).text();
}

/** A signature blob: the name of its algorithm and the rest (RFC 4253 §6.6). */
export function parseSignature(signature: Buffer): { algorithm: string; blob: Buffer; rest: Buffer } {
  return readAll(signature, (reader) => ({
    algorithm: reader.text(),
    blob: reader.string(),
    // a security key's flags and counter, PROTOCOL.u2f "SSH U2F signatures"
    rest: reader.rest(),
  }));
}
