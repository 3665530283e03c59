/**
 * The keys in a reply to SSH_AGENTC_REQUEST_IDENTITIES, each with the bytes that it came in: a list that leaves
 * some out is put together from those. RFC 9987 §3.5.
 */
import { ByteWriter, readAll } from "../primitives.ts";
import { AgentMessage } from "./message-numbers.ts";

export interface ListedKey {
  key: Buffer;
  /** Key and comment as the agent has encoded them. */
  bytes: Buffer;
}

const HEADER = 5;
const LENGTH = 4;

/** @throws ProtocolError for what is no list */
export function readIdentities(payload: Buffer): ListedKey[] {
  return readAll(payload, (reader) => {
    const keys: ListedKey[] = [];
    reader.u8();
    const count = reader.u32();
    let at = HEADER;
    while (keys.length < count) {
      const key = reader.string();
      const length = 2 * LENGTH + key.length + reader.string().length;
      keys.push({ key, bytes: payload.subarray(at, at + length) });
      at += length;
    }
    return keys;
  });
}

/** The payload of a list of these. */
export function encodeIdentities(keys: readonly ListedKey[]): Buffer {
  const header = new ByteWriter().u8(AgentMessage.SSH_AGENT_IDENTITIES_ANSWER).u32(keys.length).toBuffer();
  return Buffer.concat([header, ...keys.map(({ bytes }) => bytes)]);
}
