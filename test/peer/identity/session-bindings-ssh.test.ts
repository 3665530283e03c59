/** What ssh itself binds and asks for, as an agent hears it. */
import { chmodSync, readFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { SessionBindings } from "../../../src/identity/session-bindings.ts";
import { SessionRegistry } from "../../../src/identity/session-registry.ts";
import {
  type AgentReply,
  type AgentRequest,
  encodeAgentReply,
  parseAgentRequest,
} from "../../../src/wire/agent/agent.ts";
import { encodeFrame, FrameDecoder } from "../../../src/wire/frame.ts";
import { parseUserauth, type UserauthData } from "../../../src/wire/signed-data.ts";
import { certify, type HostKey, keyNames, makeFolder, makeKey } from "./keys.ts";
import { hasSshd, runSsh, shareWithSshd } from "./sshd.ts";

const folder = makeFolder();
const userKey = makeKey(folder);

interface Heard {
  path: string;
  binds: Buffer[];
  logins: UserauthData[];
}

let agents = 0;

/** An agent with one key, which it doesn't use. */
async function listen(): Promise<Heard> {
  const heard: Heard = { path: join(folder, `agent-${++agents}`), binds: [], logins: [] };
  const server = createServer((socket) => serve(socket, heard));
  await new Promise<void>((resolve) => server.listen(heard.path, resolve));
  chmodSync(heard.path, 0o777);
  afterAll(() => server.close());
  return heard;
}

function serve(socket: Socket, heard: Heard): void {
  const decoder = new FrameDecoder();
  socket.on("data", (chunk) => {
    for (const { payload } of decoder.push(chunk)) {
      socket.write(encodeFrame(encodeAgentReply(answer(parseAgentRequest(payload), heard))).packet);
    }
  });
}

function answer(request: AgentRequest, { binds, logins }: Heard): AgentReply {
  switch (request.type) {
    case "SSH_AGENTC_EXTENSION":
      binds.push(request.details);
      return { type: "SSH_AGENT_SUCCESS" };
    case "SSH_AGENTC_REQUEST_IDENTITIES":
      return { type: "SSH_AGENT_IDENTITIES_ANSWER", identities: [{ key: userKey.blob, comment: "" }] };
    case "SSH_AGENTC_SIGN_REQUEST":
      logins.push(parseUserauth(request.data));
      return { type: "SSH_AGENT_FAILURE" };
    default:
      return { type: "SSH_AGENT_FAILURE" };
  }
}

/** Logs in with ssh as far as the signature. */
async function logIn(hostKey: HostKey, hostCertificate?: HostKey): Promise<Heard> {
  shareWithSshd(folder, hostKey);
  const heard = await listen();
  const certificate = hostCertificate ? [`HostCertificate ${hostCertificate.path}-cert.pub`] : [];
  const errors = await runSsh(folder, {
    host: "host.example",
    server: [`HostKey ${hostKey.path}`, ...certificate, `AuthorizedKeysFile ${userKey.path}.pub`],
    knownHosts: [`host.example ${readFileSync(`${hostKey.path}.pub`, "utf8")}`],
    options: ["PreferredAuthentications=publickey", "IdentityFile=none"],
    environment: { SSH_AUTH_SOCK: heard.path },
  });
  expect(errors).toContain("Permission denied");
  return heard;
}

describe.skipIf(!hasSshd)("ssh's own session-bind", () => {
  it.each(keyNames)("is accepted, and verifies its login (%s)", async (name) => {
    const hostKey = makeKey(folder, name);
    const { binds, logins } = await logIn(hostKey);
    const bindings = new SessionBindings(new SessionRegistry(), "100 1");
    expect(binds.map((details) => bindings.bind(details))).toEqual(["accepted"]);
    expect(logins.map((login) => bindings.check(login))).toEqual([
      { verified: true, hostKey: hostKey.blob, hops: [] },
    ]);
  });

  it("is accepted from a host with a certificate", async () => {
    const hostKey = makeKey(folder);
    const certified = certify(hostKey, makeKey(folder), "host.example");
    const { binds, logins } = await logIn(hostKey, certified);
    const bindings = new SessionBindings(new SessionRegistry(), "100 1");
    expect(binds.map((details) => bindings.bind(details))).toEqual(["accepted"]);
    expect(logins.map((login) => bindings.check(login).verified)).toEqual([true]);
  });
});
