/**
 * Adding a key to an agent: RFC 9987 §3.2. Certificates and security keys are as OpenSSH serialises them,
 * sshkey_private_serialize() of sshkey.c. Constraints are those of RFC 9987 §3.2.7 and OpenSSH's
 * PROTOCOL.agent.
 *
 * Limits: private fields are stepped over, never looked at. A key type that is not in the tables is refused,
 * for without its layout nobody knows where the comment begins.
 */

import { type ByteReader, ByteWriter } from "../primitives.ts";
import { ProtocolError } from "../protocol-error.ts";
import { KeyConstraint } from "./message-numbers.ts";

export interface AddIdentity {
  keyType: string;
  /** The public key blob; with its certificate, if the key is added with one. */
  publicKey: Buffer;
  /** Everything between the key type and the comment: holds the private key. */
  keyFields: Buffer;
  comment: string;
  constraints: Constraint[];
}

export type Constraint =
  | { kind: "lifetime"; seconds: number }
  | { kind: "confirm" }
  | { kind: "sk-provider"; provider: string }
  | { kind: "restrict-destination"; constraints: Buffer }
  | { kind: "associated-certs"; certsOnly: boolean; certificates: Buffer };

/**
 * How a private key is laid out: `s` is a string, `b` a byte. `blob` says which of these, in this order, make
 * its public blob.
 */
const layouts: Readonly<Record<string, { fields: string; blob: number[] }>> = {
  "ssh-rsa": { fields: "ssssss", blob: [1, 0] },
  "ssh-dss": { fields: "sssss", blob: [0, 1, 2, 3] },
  "ecdsa-sha2-nistp256": { fields: "sss", blob: [0, 1] },
  "ecdsa-sha2-nistp384": { fields: "sss", blob: [0, 1] },
  "ecdsa-sha2-nistp521": { fields: "sss", blob: [0, 1] },
  "ssh-ed25519": { fields: "ss", blob: [0] },
  "sk-ecdsa-sha2-nistp256@openssh.com": { fields: "sssbss", blob: [0, 1, 2] },
  "sk-ssh-ed25519@openssh.com": { fields: "ssbss", blob: [0, 1] },
};

/** The same after a certificate blob, which is always the first field and the public blob. */
const certificateLayouts: Readonly<Record<string, string>> = {
  "ssh-rsa-cert-v01@openssh.com": "ssss",
  "ssh-dss-cert-v01@openssh.com": "s",
  "ecdsa-sha2-nistp256-cert-v01@openssh.com": "s",
  "ecdsa-sha2-nistp384-cert-v01@openssh.com": "s",
  "ecdsa-sha2-nistp521-cert-v01@openssh.com": "s",
  "ssh-ed25519-cert-v01@openssh.com": "ss",
  "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com": "sbss",
  "sk-ssh-ed25519-cert-v01@openssh.com": "ssbss",
};

/** @throws ProtocolError, for a key type that has no layout here too */
export function readAddIdentity(reader: ByteReader, constrained: boolean): AddIdentity {
  const keyType = reader.text();
  const { publicKey, keyFields } = readKeyFields(reader, keyType);
  const comment = reader.comment();
  const constraints = constrained ? readConstraints(reader) : [];
  return { keyType, publicKey, keyFields, comment, constraints };
}

function readKeyFields(reader: ByteReader, keyType: string): { publicKey: Buffer; keyFields: Buffer } {
  const certificateLayout = own(certificateLayouts, keyType);
  if (certificateLayout !== undefined) {
    const fields = readLayout(reader, `s${certificateLayout}`);
    return { publicKey: fields.strings[0] as Buffer, keyFields: fields.raw };
  }
  const layout = own(layouts, keyType);
  if (!layout) throw new ProtocolError("a key of an unknown type");
  const fields = readLayout(reader, layout.fields);
  const blob = new ByteWriter().string(keyType);
  for (const index of layout.blob) blob.string(fields.strings[index] as Buffer);
  return { publicKey: blob.toBuffer(), keyFields: fields.raw };
}

/** The key type is the client's choice, and "constructor" is a property that every object has. */
function own<T>(table: Readonly<Record<string, T>>, keyType: string): T | undefined {
  return Object.hasOwn(table, keyType) ? table[keyType] : undefined;
}

function readLayout(reader: ByteReader, layout: string): { strings: Buffer[]; raw: Buffer } {
  const raw = new ByteWriter();
  const strings: Buffer[] = [];
  for (const field of layout) {
    if (field === "b") {
      raw.u8(reader.u8());
      continue;
    }
    const value = reader.string();
    strings.push(value);
    raw.string(value);
  }
  return { strings, raw: raw.toBuffer() };
}

export function encodeAddIdentity(writer: ByteWriter, added: AddIdentity): ByteWriter {
  writer.string(added.keyType).bytes(added.keyFields).string(added.comment);
  return writeConstraints(writer, added.constraints);
}

/** Reads constraints to the end of the message. */
export function readConstraints(reader: ByteReader): Constraint[] {
  const constraints: Constraint[] = [];
  while (reader.remaining > 0) constraints.push(readConstraint(reader));
  return constraints;
}

function readConstraint(reader: ByteReader): Constraint {
  const type = reader.u8();
  switch (type) {
    case KeyConstraint.SSH_AGENT_CONSTRAIN_LIFETIME:
      return { kind: "lifetime", seconds: reader.u32() };
    case KeyConstraint.SSH_AGENT_CONSTRAIN_CONFIRM:
      return { kind: "confirm" };
    case KeyConstraint.SSH_AGENT_CONSTRAIN_EXTENSION:
      return readExtensionConstraint(reader);
    default:
      throw new ProtocolError(`key constraint ${type}`);
  }
}

function readExtensionConstraint(reader: ByteReader): Constraint {
  const name = reader.text();
  switch (name) {
    case "sk-provider@openssh.com":
      return { kind: "sk-provider", provider: reader.text() };
    case "restrict-destination-v00@openssh.com":
      return { kind: "restrict-destination", constraints: reader.string() };
    case "associated-certs-v00@openssh.com":
      return { kind: "associated-certs", certsOnly: reader.bool(), certificates: reader.string() };
    default:
      throw new ProtocolError("an unknown key constraint extension");
  }
}

export function writeConstraints(writer: ByteWriter, constraints: Constraint[]): ByteWriter {
  const extension = (name: string): ByteWriter =>
    writer.u8(KeyConstraint.SSH_AGENT_CONSTRAIN_EXTENSION).string(name);
  for (const constraint of constraints) {
    switch (constraint.kind) {
      case "lifetime":
        writer.u8(KeyConstraint.SSH_AGENT_CONSTRAIN_LIFETIME).u32(constraint.seconds);
        break;
      case "confirm":
        writer.u8(KeyConstraint.SSH_AGENT_CONSTRAIN_CONFIRM);
        break;
      case "sk-provider":
        extension("sk-provider@openssh.com").string(constraint.provider);
        break;
      case "restrict-destination":
        extension("restrict-destination-v00@openssh.com").string(constraint.constraints);
        break;
      case "associated-certs":
        extension("associated-certs-v00@openssh.com")
          .bool(constraint.certsOnly)
          .string(constraint.certificates);
        break;
    }
  }
  return writer;
}
