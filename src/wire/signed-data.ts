/**
 * What an agent is asked to sign, recognised by its shape. It is a login (RFC 4252 §7, and OpenSSH's PROTOCOL
 * §3.1 for the host-bound form), an SSHSIG signature (PROTOCOL.sshsig), or anything else: "opaque".
 *
 * The shapes are checked as strictly as by parse_userauth_request() and parse_sshsig_request() of
 * ssh-agent.c. What is only almost a login is opaque, and no rule that names a host or user matches it.
 */
import { ByteReader, ByteWriter } from "./primitives.ts";
import { ProtocolError } from "./protocol-error.ts";
import { parsePublicKey, plainKeyBlob } from "./public-key.ts";

export interface UserauthData {
  kind: "userauth";
  sessionIdentifier: Buffer;
  user: string;
  method: "publickey" | "publickey-hostbound-v00@openssh.com";
  algorithm: string;
  key: Buffer;
  /** The host key that the host-bound method signs too. */
  hostKey?: Buffer;
}

export interface SshsigData {
  kind: "sshsig";
  namespace: string;
  hashAlgorithm: string;
  hash: Buffer;
}

export interface OpaqueData {
  kind: "opaque";
  /** In bytes. */
  length: number;
  /**
   * No server takes it for a login, nor for a certificate that lets somebody log in: both begin with a string
   * (RFC 4251 §5), and this does not.
   */
  noLogin?: true;
}

export type SignedData = UserauthData | SshsigData | OpaqueData;

const SSH2_MSG_USERAUTH_REQUEST = 50;
const SSHSIG_MAGIC = Buffer.from("SSHSIG");

/**
 * Recognises the data of a sign request. Never throws: what can't be read is opaque.
 *
 * A login may name the certificate of the key that is asked for: that is CertificateFile, with the plain key
 * in the agent.
 * @param key the blob of the key that is to sign
 */
export function parseSignedData(data: Buffer, key: Buffer): SignedData {
  try {
    if (data.subarray(0, SSHSIG_MAGIC.length).equals(SSHSIG_MAGIC)) return parseSshsig(data);
    const login = beginsAsLogin(data) ? parseUserauth(data) : undefined;
    if (login && (login.key.equals(key) || plainKeyBlob(login.key).equals(plainKeyBlob(key)))) return login;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
  return { kind: "opaque", length: data.length, ...(!beginsWithString(data) && { noLogin: true }) };
}

/** Told without an exception, which would take longer than all the rest: most data is no login. */
function beginsAsLogin(data: Buffer): boolean {
  return beginsWithString(data) && data[4 + data.readUInt32BE(0)] === SSH2_MSG_USERAUTH_REQUEST;
}

function beginsWithString(data: Buffer): boolean {
  return data.length >= 4 && data.readUInt32BE(0) <= data.length - 4;
}

/** @throws ProtocolError for anything but the data of a public key login */
export function parseUserauth(data: Buffer): UserauthData {
  const reader = new ByteReader(data);
  const sessionIdentifier = reader.string();
  if (sessionIdentifier.length === 0) throw new ProtocolError("empty session identifier");
  if (reader.u8() !== SSH2_MSG_USERAUTH_REQUEST) throw new ProtocolError("not a SSH2_MSG_USERAUTH_REQUEST");
  const user = reader.text();
  const service = reader.text();
  if (service !== "ssh-connection") throw new ProtocolError("a login to another service");
  const method = reader.text();
  if (reader.u8() !== 1) throw new ProtocolError("a login without a signature");
  const algorithm = reader.text();
  const key = reader.string();
  if (!fitsAlgorithm(parsePublicKey(key).type, algorithm))
    throw new ProtocolError("an algorithm for another type of key");
  const base = { kind: "userauth", sessionIdentifier, user, algorithm, key } as const;
  if (method === "publickey") {
    reader.end();
    return { ...base, method };
  }
  if (method !== "publickey-hostbound-v00@openssh.com") throw new ProtocolError("another login method");
  const hostKey = reader.string();
  parsePublicKey(hostKey);
  reader.end();
  return { ...base, method, hostKey };
}

/** RSA keys have several algorithms, all others that of their name: sshkey_type_from_name() of sshkey.c. */
function fitsAlgorithm(keyType: string, algorithm: string): boolean {
  return algorithm.replace(/^rsa-sha2-(256|512)(?=$|-cert)/, "ssh-rsa") === keyType;
}

export function encodeUserauth(login: UserauthData): Buffer {
  const writer = new ByteWriter()
    .string(login.sessionIdentifier)
    .u8(SSH2_MSG_USERAUTH_REQUEST)
    .string(login.user)
    .string("ssh-connection")
    .string(login.method)
    .bool(true)
    .string(login.algorithm)
    .string(login.key);
  if (login.hostKey) writer.string(login.hostKey);
  return writer.toBuffer();
}

/** @throws ProtocolError for anything but the signed data of PROTOCOL.sshsig §2 */
export function parseSshsig(data: Buffer): SshsigData {
  const reader = new ByteReader(data);
  if (!reader.bytes(SSHSIG_MAGIC.length).equals(SSHSIG_MAGIC)) throw new ProtocolError("not an SSHSIG");
  const namespace = reader.text();
  if (namespace === "") throw new ProtocolError("an SSHSIG without a namespace");
  reader.string(); // reserved
  const hashAlgorithm = reader.text();
  if (!["sha256", "sha512"].includes(hashAlgorithm))
    throw new ProtocolError("an SSHSIG with an unknown hash");
  const hash = reader.string();
  reader.end();
  return { kind: "sshsig", namespace, hashAlgorithm, hash };
}

export function encodeSshsig(signed: SshsigData): Buffer {
  return new ByteWriter()
    .bytes(SSHSIG_MAGIC)
    .string(signed.namespace)
    .string("")
    .string(signed.hashAlgorithm)
    .string(signed.hash)
    .toBuffer();
}
