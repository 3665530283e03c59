/** A client of the agent that is not served: what it asks first fails, and the connection ends. RFC 9987. */
import type { Socket } from "node:net";
import { encodeAgentReply } from "../../wire/agent/agent.ts";
import { encodeFrame } from "../../wire/frame.ts";

const FAILURE = encodeFrame(encodeAgentReply({ type: "SSH_AGENT_FAILURE" })).packet;

/** Its request may have come, or comes. Nobody reads it. */
export function turnAway(socket: Socket): void {
  socket.on("error", () => socket.destroy()); // it has gone
  socket.resume();
  socket.end(FAILURE);
}
