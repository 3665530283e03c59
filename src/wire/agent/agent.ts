/**
 * The messages of the agent protocol as values: RFC 9987, with what OpenSSH's ssh-agent.c adds.
 *
 * Decoding is for deciding: what is forwarded is the original packet (frame.ts). Encoders are here for
 * requests and replies that the guard makes itself. SSH 1 requests are unknown, as they are to RFC 9987.
 */

import { type ByteReader, ByteWriter, readAll } from "../primitives.ts";
import {
  type AddIdentity,
  type Constraint,
  encodeAddIdentity,
  readAddIdentity,
  readConstraints,
  writeConstraints,
} from "./add-identity.ts";
import { AgentMessage } from "./message-numbers.ts";

export type AgentRequest =
  | { type: "SSH_AGENTC_REQUEST_IDENTITIES" }
  | { type: "SSH_AGENTC_SIGN_REQUEST"; key: Buffer; data: Buffer; flags: number }
  | ({ type: "SSH_AGENTC_ADD_IDENTITY" | "SSH_AGENTC_ADD_ID_CONSTRAINED" } & AddIdentity)
  | { type: "SSH_AGENTC_REMOVE_IDENTITY"; key: Buffer }
  | { type: "SSH_AGENTC_REMOVE_ALL_IDENTITIES" }
  | { type: "SSH_AGENTC_ADD_SMARTCARD_KEY"; provider: string; pin: Buffer }
  | {
      type: "SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED";
      provider: string;
      pin: Buffer;
      constraints: Constraint[];
    }
  | { type: "SSH_AGENTC_REMOVE_SMARTCARD_KEY"; provider: string; pin: Buffer }
  | { type: "SSH_AGENTC_LOCK" | "SSH_AGENTC_UNLOCK"; passphrase: Buffer }
  | { type: "SSH_AGENTC_EXTENSION"; name: string; details: Buffer }
  | { type: "unknown"; number: number };

export interface Identity {
  key: Buffer;
  comment: string;
}

export type AgentReply =
  | { type: "SSH_AGENT_FAILURE" | "SSH_AGENT_SUCCESS" | "SSH_AGENT_EXTENSION_FAILURE" }
  | { type: "SSH_AGENT_IDENTITIES_ANSWER"; identities: Identity[] }
  | { type: "SSH_AGENT_SIGN_RESPONSE"; signature: Buffer }
  | { type: "SSH_AGENT_EXTENSION_RESPONSE"; name: string; details: Buffer }
  | { type: "unknown"; number: number };

/**
 * @param payload a frame's payload: message number and contents
 * @throws ProtocolError for contents that the message number doesn't allow
 */
export function parseAgentRequest(payload: Buffer): AgentRequest {
  return readAll(payload, (reader) => readRequest(reader.u8(), reader));
}

function readRequest(number: number, reader: ByteReader): AgentRequest {
  switch (number) {
    case AgentMessage.SSH_AGENTC_REQUEST_IDENTITIES:
      return { type: "SSH_AGENTC_REQUEST_IDENTITIES" };
    case AgentMessage.SSH_AGENTC_SIGN_REQUEST:
      return {
        type: "SSH_AGENTC_SIGN_REQUEST",
        key: reader.string(),
        data: reader.string(),
        flags: reader.u32(),
      };
    case AgentMessage.SSH_AGENTC_ADD_IDENTITY:
      return { type: "SSH_AGENTC_ADD_IDENTITY", ...readAddIdentity(reader, false) };
    case AgentMessage.SSH_AGENTC_ADD_ID_CONSTRAINED:
      return { type: "SSH_AGENTC_ADD_ID_CONSTRAINED", ...readAddIdentity(reader, true) };
    case AgentMessage.SSH_AGENTC_REMOVE_IDENTITY:
      return { type: "SSH_AGENTC_REMOVE_IDENTITY", key: reader.string() };
    case AgentMessage.SSH_AGENTC_REMOVE_ALL_IDENTITIES:
      return { type: "SSH_AGENTC_REMOVE_ALL_IDENTITIES" };
    case AgentMessage.SSH_AGENTC_ADD_SMARTCARD_KEY:
      return { type: "SSH_AGENTC_ADD_SMARTCARD_KEY", ...readToken(reader) };
    case AgentMessage.SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED: {
      const token = readToken(reader);
      const constraints = readConstraints(reader);
      return { type: "SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED", ...token, constraints };
    }
    case AgentMessage.SSH_AGENTC_REMOVE_SMARTCARD_KEY:
      return { type: "SSH_AGENTC_REMOVE_SMARTCARD_KEY", ...readToken(reader) };
    case AgentMessage.SSH_AGENTC_LOCK:
      return { type: "SSH_AGENTC_LOCK", passphrase: reader.string() };
    case AgentMessage.SSH_AGENTC_UNLOCK:
      return { type: "SSH_AGENTC_UNLOCK", passphrase: reader.string() };
    case AgentMessage.SSH_AGENTC_EXTENSION:
      return { type: "SSH_AGENTC_EXTENSION", name: reader.text(), details: reader.rest() };
    default:
      reader.rest();
      return { type: "unknown", number };
  }
}

function readToken(reader: ByteReader): { provider: string; pin: Buffer } {
  return { provider: reader.text(), pin: reader.string() };
}

/** The payload of a request; the reverse of parseAgentRequest. */
export function encodeAgentRequest(request: AgentRequest): Buffer {
  const writer = new ByteWriter().u8(
    request.type === "unknown" ? request.number : AgentMessage[request.type],
  );
  switch (request.type) {
    case "SSH_AGENTC_REQUEST_IDENTITIES":
    case "SSH_AGENTC_REMOVE_ALL_IDENTITIES":
    case "unknown":
      return writer.toBuffer();
    case "SSH_AGENTC_SIGN_REQUEST":
      return writer.string(request.key).string(request.data).u32(request.flags).toBuffer();
    case "SSH_AGENTC_ADD_IDENTITY":
    case "SSH_AGENTC_ADD_ID_CONSTRAINED":
      return encodeAddIdentity(writer, request).toBuffer();
    case "SSH_AGENTC_REMOVE_IDENTITY":
      return writer.string(request.key).toBuffer();
    case "SSH_AGENTC_ADD_SMARTCARD_KEY":
    case "SSH_AGENTC_REMOVE_SMARTCARD_KEY":
      return writer.string(request.provider).string(request.pin).toBuffer();
    case "SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED":
      return writeConstraints(
        writer.string(request.provider).string(request.pin),
        request.constraints,
      ).toBuffer();
    case "SSH_AGENTC_LOCK":
    case "SSH_AGENTC_UNLOCK":
      return writer.string(request.passphrase).toBuffer();
    case "SSH_AGENTC_EXTENSION":
      return writer.string(request.name).bytes(request.details).toBuffer();
  }
}

/** @throws ProtocolError for contents that the message number doesn't allow */
export function parseAgentReply(payload: Buffer): AgentReply {
  return readAll(payload, (reader) => readReply(reader.u8(), reader));
}

function readReply(number: number, reader: ByteReader): AgentReply {
  switch (number) {
    case AgentMessage.SSH_AGENT_FAILURE:
      return { type: "SSH_AGENT_FAILURE" };
    case AgentMessage.SSH_AGENT_SUCCESS:
      return { type: "SSH_AGENT_SUCCESS" };
    case AgentMessage.SSH_AGENT_EXTENSION_FAILURE:
      return { type: "SSH_AGENT_EXTENSION_FAILURE" };
    case AgentMessage.SSH_AGENT_IDENTITIES_ANSWER:
      return { type: "SSH_AGENT_IDENTITIES_ANSWER", identities: readIdentities(reader) };
    case AgentMessage.SSH_AGENT_SIGN_RESPONSE:
      return { type: "SSH_AGENT_SIGN_RESPONSE", signature: reader.string() };
    case AgentMessage.SSH_AGENT_EXTENSION_RESPONSE:
      return { type: "SSH_AGENT_EXTENSION_RESPONSE", name: reader.text(), details: reader.rest() };
    default:
      reader.rest();
      return { type: "unknown", number };
  }
}

function readIdentities(reader: ByteReader): Identity[] {
  const identities: Identity[] = [];
  const count = reader.u32();
  while (identities.length < count) identities.push({ key: reader.string(), comment: reader.comment() });
  return identities;
}

export function encodeAgentReply(reply: AgentReply): Buffer {
  const writer = new ByteWriter().u8(reply.type === "unknown" ? reply.number : AgentMessage[reply.type]);
  switch (reply.type) {
    case "SSH_AGENT_FAILURE":
    case "SSH_AGENT_SUCCESS":
    case "SSH_AGENT_EXTENSION_FAILURE":
    case "unknown":
      return writer.toBuffer();
    case "SSH_AGENT_IDENTITIES_ANSWER":
      writer.u32(reply.identities.length);
      for (const identity of reply.identities) writer.string(identity.key).string(identity.comment);
      return writer.toBuffer();
    case "SSH_AGENT_SIGN_RESPONSE":
      return writer.string(reply.signature).toBuffer();
    case "SSH_AGENT_EXTENSION_RESPONSE":
      return writer.string(reply.name).bytes(reply.details).toBuffer();
  }
}
