/**
 * Host keys: whether one made a signature, and whether a host certificate is good.
 *
 * Signature formats: RFC 4253 §6.6 and RFC 8332 (RSA), RFC 5656 §3.1.2 (ECDSA), RFC 8709 §6 (Ed25519),
 * OpenSSH's PROTOCOL.u2f (security keys).
 *
 * Limits: SHA-1 and webauthn signatures and post-quantum keys are "unsupported". They are neither proven nor
 * refuted.
 */
import { createHash, createPublicKey, type JsonWebKey, verify } from "node:crypto";
import { readAll } from "../../wire/primitives.ts";
import { ProtocolError } from "../../wire/protocol-error.ts";
import { type Certificate, type PlainKey, parsePublicKey, parseSignature } from "../../wire/public-key.ts";

export type SignatureCheck = "valid" | "invalid" | "unsupported";

type Signature = ReturnType<typeof parseSignature>;

/** SSH_RSA_MINIMUM_MODULUS_SIZE of OpenSSH's sshkey.h, in bits. */
const RSA_MINIMUM = 1024;
/** A security key's flags and counter, behind its signature. */
const SK_FIELDS_LENGTH = 5;

const rsaHashes = new Map([
  ["rsa-sha2-256", "sha256"],
  ["rsa-sha2-512", "sha512"],
]);

interface Curve {
  name: string;
  hash: string;
  /** The length of a coordinate, in bytes. */
  size: number;
}

const curves = new Map<string, Curve>([
  ["nistp256", { name: "P-256", hash: "sha256", size: 32 }],
  ["nistp384", { name: "P-384", hash: "sha384", size: 48 }],
  ["nistp521", { name: "P-521", hash: "sha512", size: 66 }],
]);

/**
 * Never throws: what can't be read is "invalid".
 * @param key a key blob; for a certificate, the certified key is what signed
 */
export function verifySignature(key: Buffer, signature: Buffer, data: Buffer): SignatureCheck {
  try {
    const parsed = parsePublicKey(key);
    if (parsed.kind === "unknown") return "unsupported";
    const plain = parsed.kind === "certificate" ? parsed.key : parsed;
    return verifyPlain(plain, parseSignature(signature), data);
  } catch {
    return "invalid"; // malformed, or refused by OpenSSL: a point that is not on its curve
  }
}

function verifyPlain(key: PlainKey, signature: Signature, data: Buffer): SignatureCheck {
  if (isUnsupported(key, signature.algorithm)) return "unsupported";
  if (key.kind !== "rsa" && signature.algorithm !== key.type) return "invalid";
  const isSecurityKey = key.kind === "sk-ecdsa" || key.kind === "sk-ed25519";
  if (signature.rest.length !== (isSecurityKey ? SK_FIELDS_LENGTH : 0)) return "invalid";
  return isMadeBy(key, signature, data) ? "valid" : "invalid";
}

function isUnsupported(key: PlainKey, algorithm: string): boolean {
  if (key.kind === "rsa") return algorithm === "ssh-rsa";
  return key.kind === "sk-ecdsa" && algorithm === `webauthn-${key.type}`;
}

function isMadeBy(key: PlainKey, signature: Signature, data: Buffer): boolean {
  switch (key.kind) {
    case "rsa":
      return verifyRsa(key.exponent, key.modulus, signature, data);
    case "ecdsa":
      return verifyEcdsa(key.curve, key.point, signature.blob, data);
    case "ed25519":
      return verifyEd25519(key.point, signature.blob, data);
    case "sk-ecdsa":
      return verifyEcdsa(key.curve, key.point, signature.blob, securityKeyData(key, signature, data));
    case "sk-ed25519":
      return verifyEd25519(key.point, signature.blob, securityKeyData(key, signature, data));
  }
}

/** PROTOCOL.u2f, "SSH U2F signatures": what a security key signs instead of the data. */
function securityKeyData(
  { application }: { application: Buffer },
  signature: Signature,
  data: Buffer,
): Buffer {
  const sha256 = (bytes: Buffer): Buffer => createHash("sha256").update(bytes).digest();
  return Buffer.concat([sha256(application), signature.rest, sha256(data)]);
}

function verifyRsa(exponent: Buffer, modulus: Buffer, { algorithm, blob }: Signature, data: Buffer): boolean {
  const hash = rsaHashes.get(algorithm);
  const n = unsigned(modulus);
  if (hash === undefined || bitLength(n) < RSA_MINIMUM || blob.length > n.length) return false;
  // OpenSSL wants the full length, some signers leave out leading zeros: ssh_rsa_verify() pads as well
  const padded = Buffer.concat([Buffer.alloc(n.length - blob.length), blob]);
  return verify(hash, data, publicKey({ kty: "RSA", n: text(n), e: text(unsigned(exponent)) }), padded);
}

function verifyEcdsa(curveName: string, point: Buffer, signature: Buffer, data: Buffer): boolean {
  const curve = curves.get(curveName);
  // 4: an uncompressed point, the only form that SSH allows (RFC 5656 §3.1)
  if (!curve || point[0] !== 4 || point.length !== 1 + 2 * curve.size) return false;
  const x = text(point.subarray(1, 1 + curve.size));
  const y = text(point.subarray(1 + curve.size));
  const key = publicKey({ kty: "EC", crv: curve.name, x, y });
  const { r, s } = readEcdsaSignature(signature);
  const rs = Buffer.concat([fixedLength(r, curve.size), fixedLength(s, curve.size)]);
  return verify(curve.hash, data, { key, dsaEncoding: "ieee-p1363" }, rs);
}

function verifyEd25519(point: Buffer, signature: Buffer, data: Buffer): boolean {
  return verify(null, data, publicKey({ kty: "OKP", crv: "Ed25519", x: text(point) }), signature);
}

function readEcdsaSignature(blob: Buffer): { r: Buffer; s: Buffer } {
  return readAll(blob, (reader) => ({ r: unsigned(reader.string()), s: unsigned(reader.string()) }));
}

function publicKey(key: JsonWebKey): ReturnType<typeof createPublicKey> {
  return createPublicKey({ key, format: "jwk" });
}

function text(bytes: Buffer): string {
  return bytes.toString("base64url");
}

/** An mpint that must not be negative (RFC 4251 §5), without leading zeros. */
function unsigned(mpint: Buffer): Buffer {
  if ((mpint[0] ?? 0) > 0x7f) throw new ProtocolError("a negative number in a key or signature");
  const start = mpint.findIndex((byte) => byte !== 0);
  return start < 0 ? mpint.subarray(0, 0) : mpint.subarray(start);
}

function bitLength(number: Buffer): number {
  return number.length * 8 - (Math.clz32(number[0] ?? 0) - 24);
}

function fixedLength(number: Buffer, size: number): Buffer {
  if (number.length > size) throw new ProtocolError("a number in a signature is too large");
  return Buffer.concat([Buffer.alloc(size - number.length), number]);
}

/** SSH_ALLOWED_CA_SIGALGS of OpenSSH's myproposal.h. */
const allowedAuthorityAlgorithms = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "sk-ssh-ed25519@openssh.com",
  "sk-ecdsa-sha2-nistp256@openssh.com",
  "webauthn-sk-ecdsa-sha2-nistp256@openssh.com",
  "rsa-sha2-512",
  "rsa-sha2-256",
];

/**
 * All that sshkey_cert_check_host() of sshkey.c and the parsing before it check, but for the name. That
 * depends on who asks.
 * @returns why the certificate doesn't make its key a host's; undefined if it does
 */
export function checkHostCertificate(certificate: Certificate, now: Date): string | undefined {
  const seconds = BigInt(Math.floor(now.getTime() / 1000));
  if (certificate.role !== "host") return "not a host certificate";
  if (seconds < certificate.validAfter) return "not yet valid";
  if (seconds >= certificate.validBefore) return "expired";
  if (certificate.principals.length === 0) return "no principals";
  if (certificate.criticalOptions.length > 0) return "unknown critical options";
  return checkAuthority(certificate);
}

function checkAuthority(certificate: Certificate): string | undefined {
  const check = verifyCertificate(certificate);
  if (check === "invalid") return "not signed by its authority";
  const { algorithm } = parseSignature(certificate.signature);
  if (!allowedAuthorityAlgorithms.includes(algorithm)) return "signed with a disallowed algorithm";
  return check === "unsupported" ? "signed with an unsupported algorithm" : undefined;
}

/**
 * Whether the authority made the certificate's signature. An authority that is a certificate itself counts
 * for nothing: cert_parse() of sshkey.c.
 */
export function verifyCertificate({ authority, signature, signedPart }: Certificate): SignatureCheck {
  const check = verifySignature(authority, signature, signedPart);
  return check !== "invalid" && parsePublicKey(authority).kind === "certificate" ? "invalid" : check;
}
