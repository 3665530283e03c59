/** The request for an agent's keys, as the guard itself makes it. */
import { type AgentRequest, encodeAgentRequest } from "../../wire/agent/agent.ts";
import { encodeFrame } from "../../wire/frame.ts";

export const list: AgentRequest = { type: "SSH_AGENTC_REQUEST_IDENTITIES" };
export const LIST = encodeFrame(encodeAgentRequest(list));
