/** Arbitrary values of the wire layer, for properties, and what is read from it. */
import fc from "fast-check";
import type { Constraint } from "../../src/wire/agent/add-identity.ts";
import type { AgentReply, AgentRequest } from "../../src/wire/agent/agent.ts";
import { AgentMessage } from "../../src/wire/agent/message-numbers.ts";
import type { SessionBind } from "../../src/wire/agent/session-bind.ts";
import type { MuxDecoder, MuxPacket } from "../../src/wire/mux/decoder.ts";
import { ByteWriter } from "../../src/wire/primitives.ts";
import { encodePlainKey, type PlainKey } from "../../src/wire/public-key.ts";
import type { SshsigData, UserauthData } from "../../src/wire/signed-data.ts";

/** Takes what a read gave; the packets that it completes, one by one. */
export function* packetsFrom(
  decoder: MuxDecoder,
  read: Buffer,
  descriptors?: readonly number[],
): Generator<MuxPacket> {
  decoder.add(read, descriptors);
  for (let packet = decoder.next(); packet; packet = decoder.next()) yield packet;
}

export const bytes = (maxLength = 64, minLength = 0): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength, minLength }).map((array) => Buffer.from(array));

/** Whole code points without NUL: what survives a round trip through text(). */
export const text = (maxLength = 20): fc.Arbitrary<string> =>
  fc.string({ unit: "binary", maxLength }).map((value) => value.replaceAll("\0", ""));

export const u32: fc.Arbitrary<number> = fc.nat(0xffffffff);
const u64 = fc.bigInt(0n, 0xffffffffffffffffn);

// --- keys

const point = bytes(32, 32);
const curves = ["nistp256", "nistp384", "nistp521"];

const plainKeys = {
  rsa: fc.record({
    kind: fc.constant("rsa"),
    type: fc.constant("ssh-rsa"),
    exponent: bytes(4),
    modulus: bytes(),
  }),
  ecdsa: fc.constantFrom(...curves).chain((curve) =>
    fc.record({
      kind: fc.constant("ecdsa"),
      type: fc.constant(`ecdsa-sha2-${curve}`),
      curve: fc.constant(curve),
      point: bytes(),
    }),
  ),
  ed25519: fc.record({ kind: fc.constant("ed25519"), type: fc.constant("ssh-ed25519"), point }),
  skEcdsa: fc.record({
    kind: fc.constant("sk-ecdsa"),
    type: fc.constant("sk-ecdsa-sha2-nistp256@openssh.com"),
    curve: fc.constant("nistp256"),
    point: bytes(),
    application: bytes(),
  }),
  skEd25519: fc.record({
    kind: fc.constant("sk-ed25519"),
    type: fc.constant("sk-ssh-ed25519@openssh.com"),
    point,
    application: bytes(),
  }),
} satisfies Record<string, fc.Arbitrary<unknown>>;

export const plainKey: fc.Arbitrary<PlainKey> = fc.oneof(
  plainKeys.rsa,
  plainKeys.ecdsa,
  plainKeys.ed25519,
  plainKeys.skEcdsa,
  plainKeys.skEd25519,
) as fc.Arbitrary<PlainKey>;

export const keyBlob: fc.Arbitrary<Buffer> = plainKey.map(encodePlainKey);

const certificateRoles = new Map([
  [1, "user"],
  [2, "host"],
  [3, "unknown"],
]);

/** What a certificate says, and its blob: PROTOCOL.certkeys. */
export const certificate = fc
  .record({
    key: plainKey,
    nonce: bytes(32, 1),
    serial: u64,
    roleNumber: fc.constantFrom(...certificateRoles.keys()),
    keyId: text(),
    principals: fc.array(text(), { maxLength: 3 }),
    validAfter: u64,
    validBefore: u64,
    criticalOptions: fc.array(text(), { maxLength: 3 }),
    authority: keyBlob,
    signature: bytes(),
  })
  .map((fields) => {
    const type = `${fields.key.type.replace("@openssh.com", "")}-cert-v01@openssh.com`;
    const { nonce, roleNumber, ...said } = fields;
    const role = certificateRoles.get(roleNumber);
    return { said: { ...said, type, role }, ...certificateBlob(type, fields) };
  });

interface CertificateFields {
  key: PlainKey;
  nonce: Buffer;
  serial: bigint;
  roleNumber: number;
  keyId: string;
  principals: string[];
  validAfter: bigint;
  validBefore: bigint;
  criticalOptions: string[];
  authority: Buffer;
  signature: Buffer;
}

function certificateBlob(type: string, fields: CertificateFields): { blob: Buffer; signedPart: Buffer } {
  const principals = new ByteWriter();
  for (const principal of fields.principals) principals.string(principal);
  const options = new ByteWriter();
  for (const option of fields.criticalOptions) options.string(option).string("value");
  const plain = encodePlainKey(fields.key);
  const signedPart = new ByteWriter()
    .string(type)
    .string(fields.nonce)
    .bytes(plain.subarray(4 + fields.key.type.length))
    .u64(fields.serial)
    .u32(fields.roleNumber)
    .string(fields.keyId)
    .string(principals.toBuffer())
    .u64(fields.validAfter)
    .u64(fields.validBefore)
    .string(options.toBuffer())
    .string("")
    .string("")
    .string(fields.authority)
    .toBuffer();
  return { signedPart, blob: new ByteWriter().bytes(signedPart).string(fields.signature).toBuffer() };
}

// --- requests

export const constraint: fc.Arbitrary<Constraint> = fc.oneof(
  fc.record({ kind: fc.constant("lifetime" as const), seconds: u32 }),
  fc.constant({ kind: "confirm" as const }),
  fc.record({ kind: fc.constant("sk-provider" as const), provider: text() }),
  fc.record({ kind: fc.constant("restrict-destination" as const), constraints: bytes() }),
  fc.record({
    kind: fc.constant("associated-certs" as const),
    certsOnly: fc.boolean(),
    certificates: bytes(),
  }),
);
const constraints = fc.array(constraint, { maxLength: 4 });

/**
 * The fields of a private key as sshkey.c serialises it, after the key type: `s` a string, `b` a byte, `k`
 * the public key's fields.
 */
const privateLayouts: Record<string, string> = {
  "ssh-rsa": "ssssss",
  "ssh-dss": "sssss",
  "ecdsa-sha2-nistp256": "sss",
  "ecdsa-sha2-nistp384": "sss",
  "ecdsa-sha2-nistp521": "sss",
  "ssh-ed25519": "ss",
  "sk-ecdsa-sha2-nistp256@openssh.com": "sssbss",
  "sk-ssh-ed25519@openssh.com": "ssbss",
  "ssh-rsa-cert-v01@openssh.com": "sssss",
  "ssh-dss-cert-v01@openssh.com": "ss",
  "ecdsa-sha2-nistp256-cert-v01@openssh.com": "ss",
  "ecdsa-sha2-nistp384-cert-v01@openssh.com": "ss",
  "ecdsa-sha2-nistp521-cert-v01@openssh.com": "ss",
  "ssh-ed25519-cert-v01@openssh.com": "sss",
  "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com": "ssbss",
  "sk-ssh-ed25519-cert-v01@openssh.com": "sssbss",
};
export const privateKeyTypes: readonly string[] = Object.keys(privateLayouts);

export function privateFields(keyType: string): fc.Arbitrary<Buffer> {
  const layout = privateLayouts[keyType] ?? "";
  const fields = [...layout].map((field) =>
    field === "b"
      ? fc.nat(255).map((byte) => Buffer.of(byte))
      : bytes().map((value) => new ByteWriter().string(value).toBuffer()),
  );
  return fc.tuple(...fields).map((parts) => Buffer.concat(parts));
}

/** The payload of an "add" request, written without the code that is tested. */
export const addPayload: fc.Arbitrary<Buffer> = fc
  .constantFrom(...privateKeyTypes)
  .chain((type) => fc.tuple(fc.constant(type), privateFields(type), text()))
  .map(([type, fields, comment]) =>
    new ByteWriter()
      .u8(AgentMessage.SSH_AGENTC_ADD_IDENTITY)
      .string(type)
      .bytes(fields)
      .string(comment)
      .toBuffer(),
  );

const token = { provider: text(), pin: bytes() };
const type = <T extends string>(name: T): fc.Arbitrary<T> => fc.constant(name);

/** Every kind of request but those that add a key: see addPayload. */
export const request: fc.Arbitrary<AgentRequest> = fc.oneof(
  fc.record({ type: type("SSH_AGENTC_REQUEST_IDENTITIES") }),
  fc.record({ type: type("SSH_AGENTC_SIGN_REQUEST"), key: bytes(), data: bytes(), flags: u32 }),
  fc.record({ type: type("SSH_AGENTC_REMOVE_IDENTITY"), key: bytes() }),
  fc.record({ type: type("SSH_AGENTC_REMOVE_ALL_IDENTITIES") }),
  fc.record({ type: type("SSH_AGENTC_ADD_SMARTCARD_KEY"), ...token }),
  fc.record({ type: type("SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED"), ...token, constraints }),
  fc.record({ type: type("SSH_AGENTC_REMOVE_SMARTCARD_KEY"), ...token }),
  fc.record({ type: type("SSH_AGENTC_LOCK"), passphrase: bytes() }),
  fc.record({ type: type("SSH_AGENTC_UNLOCK"), passphrase: bytes() }),
  fc.record({ type: type("SSH_AGENTC_EXTENSION"), name: text(), details: bytes() }),
);

export const reply: fc.Arbitrary<AgentReply> = fc.oneof(
  fc.record({
    type: fc.constantFrom("SSH_AGENT_FAILURE", "SSH_AGENT_SUCCESS", "SSH_AGENT_EXTENSION_FAILURE"),
  }),
  fc.record({
    type: type("SSH_AGENT_IDENTITIES_ANSWER"),
    identities: fc.array(fc.record({ key: bytes(), comment: text() }), { maxLength: 5 }),
  }),
  fc.record({ type: type("SSH_AGENT_SIGN_RESPONSE"), signature: bytes() }),
  fc.record({ type: type("SSH_AGENT_EXTENSION_RESPONSE"), name: text(), details: bytes() }),
);

// --- what is bound and signed

export const sessionBind: fc.Arbitrary<SessionBind> = fc.record({
  hostKey: bytes(),
  sessionIdentifier: bytes(),
  signature: bytes(),
  isForwarding: fc.boolean(),
});

/** A key and an algorithm of its type: RSA has several. */
const signer = plainKey.chain((key) =>
  fc.record({
    key: fc.constant(encodePlainKey(key)),
    algorithm:
      key.kind === "rsa" ? fc.constantFrom("ssh-rsa", "rsa-sha2-256", "rsa-sha2-512") : fc.constant(key.type),
  }),
);
const login = { kind: type("userauth"), sessionIdentifier: bytes(64, 1), user: text() };

export const userauth: fc.Arbitrary<UserauthData> = fc
  .tuple(
    signer,
    fc.oneof(
      fc.record({ ...login, method: type("publickey") }),
      fc.record({ ...login, method: type("publickey-hostbound-v00@openssh.com"), hostKey: keyBlob }),
    ),
  )
  .map(([by, rest]) => ({ ...rest, ...by }));

export const sshsig: fc.Arbitrary<SshsigData> = fc.record({
  kind: type("sshsig"),
  namespace: text().filter((namespace) => namespace !== ""),
  hashAlgorithm: fc.constantFrom("sha256", "sha512"),
  hash: bytes(),
});

// --- damage

/**
 * The bytes with some of them changed, cut off, doubled or put in: closer to the parsers' later steps than
 * random bytes are.
 */
export function damaged(valid: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  const damage = fc.record({
    at: fc.nat(),
    byte: fc.nat(255),
    what: fc.constantFrom("set", "cut", "put", "double"),
  });
  return fc.tuple(valid, fc.array(damage, { minLength: 1, maxLength: 4 })).map(([whole, steps]) =>
    steps.reduce<Buffer>((now, { at, byte, what }) => {
      const place = now.length === 0 ? 0 : at % now.length;
      const [before, after] = [now.subarray(0, place), now.subarray(place)];
      switch (what) {
        case "set":
          return Buffer.concat([before, Buffer.of(byte), after.subarray(1)]);
        case "cut":
          return before;
        case "put":
          return Buffer.concat([before, Buffer.of(byte), after]);
        default:
          return Buffer.concat([now, after]);
      }
    }, whole),
  );
}
