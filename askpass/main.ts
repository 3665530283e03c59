/**
 * SSH_ASKPASS for the ssh that the guard itself starts: what it asks goes to the guard, which asks whoever wanted the connection. The rules are those of
 * OpenSSH's readpass.c: the answer is a line on stdout, and anything but exit 0 is a no.
 */
import type { Prompt } from "../src/approver/prompter.ts";
import { connectRpc, promptRequest, request } from "../src/daemon/rpc.ts";

async function answer(socket: string, prompt: Prompt): Promise<string | null> {
  const connection = await connectRpc(socket);
  if (!connection) throw new Error("the guard has ended");
  try {
    return await request(connection, promptRequest, prompt);
  } finally {
    connection.end();
  }
}

/** A question about a host key comes without a hint, and wants to be answered in words. */
function kindOf(text: string, hint: string | undefined): Prompt["kind"] {
  if (hint === "none") return "notice";
  return hint === "confirm" || /\(yes\/no(?:\/\[fingerprint\])?\)\? ?$|^Please type 'yes'/.test(text)
    ? "text"
    : "secret";
}

const { MUXGUARD_PROMPTS: socket, SSH_ASKPASS_PROMPT: hint } = process.env;
const [, , text = ""] = process.argv;
try {
  if (socket === undefined)
    throw new Error("it is for connections that muxguard opens, which set MUXGUARD_PROMPTS");
  const given = await answer(socket, { text, kind: kindOf(text, hint) });
  if (given === null || (hint === "confirm" && !/^y(?:es)?$/i.test(given))) process.exitCode = 1;
  else process.stdout.write(`${given}\n`);
} catch (error) {
  process.stderr.write(`muxguard-askpass: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
