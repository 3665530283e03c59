/**
 * A signature as `ssh-keygen -Y sign` writes it: PROTOCOL.sshsig, armored.
 *
 * Limits: nothing is verified here. It says by which key and for what the signature claims to be, and, once it
 * is verified elsewhere, whether somebody touched the key: PROTOCOL.u2f, "SSH U2F signatures".
 */
import { ByteReader } from "./primitives.ts";
import { ProtocolError } from "./protocol-error.ts";
import { parsePublicKey, parseSignature } from "./public-key.ts";

export interface ArmoredSignature {
  namespace: string;
  hashAlgorithm: string;
  /** Of a security key: whether its flags say that somebody was there. Undefined for other keys. */
  userPresent?: boolean;
}

/** The longest that is read, in characters: of an RSA key with 16,384 bits and a certificate it is half. */
export const MAX_ARMOR = 16 * 1024;

const MAGIC = Buffer.from("SSHSIG");
const VERSION = 1;
const USER_PRESENT = 0x01;
const armor = /^-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]+)\n-----END SSH SIGNATURE-----\n?$/;

/** @throws ProtocolError for anything else */
export function parseArmored(text: string): ArmoredSignature {
  const [, body] = text.length <= MAX_ARMOR ? (armor.exec(text) ?? []) : [];
  if (body === undefined) throw new ProtocolError("no armored SSHSIG");
  const reader = new ByteReader(Buffer.from(body, "base64"));
  if (!reader.bytes(MAGIC.length).equals(MAGIC)) throw new ProtocolError("no SSHSIG");
  if (reader.u32() !== VERSION) throw new ProtocolError("an SSHSIG of another version");
  parsePublicKey(reader.string());
  const namespace = reader.text();
  reader.string(); // reserved
  const hashAlgorithm = reader.text();
  const { algorithm, rest } = parseSignature(reader.string());
  reader.end();
  const isSecurityKey = algorithm.startsWith("sk-") || algorithm.startsWith("webauthn-sk-");
  return {
    namespace,
    hashAlgorithm,
    ...(isSecurityKey && { userPresent: ((rest[0] ?? 0) & USER_PRESENT) !== 0 }),
  };
}
