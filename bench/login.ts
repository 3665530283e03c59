/**
 * A login as the agent sees it: the session-bind by which a host proves its key (PROTOCOL.agent §1), and the
 * data that is to be signed (PROTOCOL §3.1). The host is made up, its signature is real.
 */
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { encodeAgentRequest } from "../src/wire/agent/agent.ts";
import { encodeSessionBind, SESSION_BIND } from "../src/wire/agent/session-bind.ts";
import { encodeFrame, type Frame } from "../src/wire/frame.ts";
import { ByteWriter } from "../src/wire/primitives.ts";
import { encodePlainKey } from "../src/wire/public-key.ts";
import { encodeUserauth } from "../src/wire/signed-data.ts";

const type = "ssh-ed25519";
const host = generateKeyPairSync("ed25519");
const hostKey = encodePlainKey({ kind: "ed25519", type, point: rawPublicKey() });

/** For known_hosts. */
export const hostLine = ["bench.example", `${type} ${hostKey.toString("base64")}`] as const;

/** The bind of a connection, and the signature request of a login over it. */
export function createLogin(key: Buffer): { bind: Frame; login: Frame } {
  const sessionIdentifier = randomBytes(32);
  const signature = new ByteWriter()
    .string(type)
    .string(sign(null, sessionIdentifier, host.privateKey))
    .toBuffer();
  const details = encodeSessionBind({ hostKey, sessionIdentifier, signature, isForwarding: false });
  const data = encodeUserauth({
    kind: "userauth",
    sessionIdentifier,
    user: "git",
    method: "publickey-hostbound-v00@openssh.com",
    algorithm: type,
    key,
    hostKey,
  });
  return {
    bind: encodeFrame(encodeAgentRequest({ type: "SSH_AGENTC_EXTENSION", name: SESSION_BIND, details })),
    login: encodeFrame(encodeAgentRequest({ type: "SSH_AGENTC_SIGN_REQUEST", key, data, flags: 0 })),
  };
}

/** The last 32 bytes of its SubjectPublicKeyInfo (RFC 8410 §4). */
function rawPublicKey(): Buffer {
  return host.publicKey.export({ format: "der", type: "spki" }).subarray(-32);
}
