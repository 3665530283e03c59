/** Clients that do what no client should: they get the protocol's failure or are closed, and nobody else notices. */
import { chmodSync, readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { verifySignature } from "../../src/identity/host-key.ts";
import { parseAgentReply } from "../../src/wire/agent.ts";
import { AGENT_MAX_LEN, encodeFrame } from "../../src/wire/frame.ts";
import { encodeSshsig } from "../../src/wire/signed-data.ts";
import { readBlob } from "../identity/keys.ts";
import { AgentClient, packet } from "./agent-client.ts";
import { ended, Lab, stderrOf, until } from "./lab.ts";
import { describeWith } from "./tools.ts";

const FAILURE = Buffer.of(5);
const LIST = packet({ type: "SSH_AGENTC_REQUEST_IDENTITIES" });
const UNKNOWN = encodeFrame(Buffer.of(200)).packet;
const length = (bytes: number): Buffer => encodeFrame(Buffer.alloc(0)).packet.fill(0, 0, 0) && u32(bytes);

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
