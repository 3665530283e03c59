/**
 * Clients that do what no client should: they get the protocol's failure or are closed, and nobody else
 * notices.
 */
import { randomBytes } from "node:crypto";
import { chmodSync, readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { ended, Lab, stderrOf, until } from "../../../lab/lab.ts";
import { verifySignature } from "../../../src/identity/hosts/host-key.ts";
import { encodeAgentRequest, parseAgentReply } from "../../../src/wire/agent/agent.ts";
import { AGENT_MAX_LEN, encodeFrame } from "../../../src/wire/frame.ts";
import { encodeSshsig } from "../../../src/wire/signed-data.ts";
import { AgentClient, packet } from "../../support/agent-client.ts";
import { readBlob } from "../identity/keys.ts";
import { describeWith } from "../tools.ts";

const FAILURE = Buffer.of(5);
const LIST = packet({ type: "SSH_AGENTC_REQUEST_IDENTITIES" });
const UNKNOWN = encodeFrame(Buffer.of(200)).packet;

describeWith(["ssh"], "a client of the guard", () => {
  const lab = new Lab();
  const keyFile = lab.key("me@laptop");
  const key = readBlob(`${keyFile}.pub`);
  const clients: AgentClient[] = [];
  let daemon = 0;
  let said: () => string;

  beforeAll(async () => {
    lab.policy('default = "allow"\n[[rule]]\nname = "ask"\nnamespace = "ask"\naction = "ask"\n');
    await lab.startAgent("upstream.sock", keyFile);
    const child = await lab.startDaemon();
    daemon = child.pid ?? 0;
    said = stderrOf(child);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    expect(said()).not.toContain("internal fault");
    await expectService();
  });
  afterAll(() => lab.close());

  const connect = async (): Promise<AgentClient> => {
    const client = await AgentClient.open(lab.agentSocket);
    clients.push(client);
    return client;
  };
  const expectService = async (): Promise<void> => {
    const client = await connect();
    expect(await client.list()).toMatchObject([{ comment: "me@laptop" }]);
    client.close();
  };
  const toSign = (namespace: string): Buffer =>
    encodeSshsig({ kind: "sshsig", namespace, hashAlgorithm: "sha256", hash: randomBytes(32) });
  const sign = (data: Buffer): Buffer => packet({ type: "SSH_AGENTC_SIGN_REQUEST", key, data, flags: 0 });

  it.each([
    ["a length of 4 GiB", Buffer.of(255, 255, 255, 255)],
    ["a length of 0", Buffer.of(0, 0, 0, 0)],
    [
      "a length of one byte more than 256 KiB",
      encodeFrame(Buffer.alloc(AGENT_MAX_LEN + 1)).packet.subarray(0, 4),
    ],
    ["another protocol", Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")],
    ["a length of 4 GiB behind a good request", Buffer.concat([LIST, Buffer.of(255, 255, 255, 255, 11)])],
  ])("is closed after %s", async (_, bytes) => {
    const client = await connect();
    client.send(bytes);
    await client.closed;
  });

  it.each([
    ["an unknown message of 256 KiB", encodeFrame(Buffer.alloc(AGENT_MAX_LEN, 200)).packet],
    [
      "a signature request without its flags",
      cut({ type: "SSH_AGENTC_SIGN_REQUEST", key, data: key, flags: 0 }),
    ],
    ["a list request with contents", encodeFrame(Buffer.from([11, 0])).packet],
    [
      "a key that is none",
      packet({ type: "SSH_AGENTC_SIGN_REQUEST", key: randomBytes(9), data: key, flags: 0 }),
    ],
    ["random contents", encodeFrame(Buffer.concat([Buffer.of(17), randomBytes(500)])).packet],
  ])("gets a failure for %s, and may go on", async (_, bytes) => {
    const client = await connect();
    client.send(bytes);
    expect(await client.reply()).toEqual(FAILURE);
    expect(await client.list()).toHaveLength(1);
  });

  it("may leave in the middle of a frame", async () => {
    const client = await connect();
    client.send(sign(toSign("file")).subarray(0, 40));
    client.close();
    await client.closed;
  });

  it("may take its time for a frame while others are served", async () => {
    const slow = await connect();
    const request = sign(toSign("file"));
    slow.send(request.subarray(0, 40));
    await expectService();
    slow.send(request.subarray(40));
    expect(parseAgentReply(await slow.reply()).type).toBe("SSH_AGENT_SIGN_RESPONSE");
  });

  it("gets 1,000 answers for 1,000 requests in one write, in their order", async () => {
    const client = await connect();
    client.send(...Array.from({ length: 1000 }, (_, at) => (at % 3 === 0 ? LIST : UNKNOWN)));
    for (let at = 0; at < 1000; at++) expect((await client.reply())[0]).toBe(at % 3 === 0 ? 12 : 5);
  });

  it("gets 1,000 signatures for 1,000 requests in one write, in their order", async () => {
    const client = await connect();
    const data = Array.from({ length: 1000 }, () => toSign("file"));
    const { events } = await lab.logged(async () => {
      client.send(...data.map(sign));
      for (const signed of data) {
        const reply = parseAgentReply(await client.reply());
        if (reply.type !== "SSH_AGENT_SIGN_RESPONSE") throw new Error(reply.type);
        expect(verifySignature(key, reply.signature, signed)).toBe("valid");
      }
    });
    expect(events).toHaveLength(1000);
    expect(new Set(events.map(({ id }) => id)).size).toBe(1000);
  });

  it("that never reads its answers is not read from either", async () => {
    const deaf = await connect();
    deaf.stopReading();
    const requests = Buffer.concat(Array(200_000).fill(LIST));
    for (let times = 0; times < 16; times++) deaf.send(requests);
    await expectService();
    await until(async () => {
      const before = deaf.unsent;
      await expectService();
      return before > 0 && deaf.unsent === before;
    }, "the guard to stop reading");
    expect(residentMemory(daemon)).toBeLessThan(200);
  });

  it.each([
    ["", 0],
    [" with more requests behind it", 200],
  ])("that leaves in the middle of a question%s takes it along", async (_, more) => {
    const client = await connect();
    const { events } = await lab.logged(async () => {
      client.send(sign(toSign("ask")), Buffer.concat(Array(more).fill(LIST)));
      await until(
        async () => (await lab.muxguard("pending")).stdout.includes('sign for "ask"'),
        "the question",
      );
      client.close();
      await until(async () => (await lab.muxguard("pending")).stdout.startsWith("nothing waits"), "its end");
    });
    expect(events).toMatchObject([{ decision: "deny", by: "fault:withdrawn", namespace: "ask" }]);
  });

  it("is answered while 999 others are connected", async () => {
    const many = await Promise.all(Array.from({ length: 1000 }, connect));
    const lists = await Promise.all(many.map((client) => client.list()));
    expect(lists.every((list) => list[0]?.comment === "me@laptop")).toBe(true);
    expect(await Promise.all(many.map((client) => client.list()))).toHaveLength(1000);
  });

  const isRoot = userInfo().uid === 0;
  if (!isRoot) console.warn("skipped, for want of root: a connection of another user");
  it.runIf(isRoot)("of another user is closed at once, even where the folder lets it in", async () => {
    const talk =
      "const s = require('net').connect(process.argv[1]); s.write(Buffer.from('000000010b', 'hex'));" +
      "s.on('data', () => { console.log('answered'); s.end(); }); s.on('error', (e) => console.log(e.code));" +
      "s.on('close', () => console.log('closed'));";
    const talkAs = async (uid: number): Promise<string> => {
      const child = lab.start(process.execPath, ["-e", talk, lab.agentSocket], { uid, cwd: "/" });
      let heard = "";
      child.stdout?.setEncoding("utf8").on("data", (text: string) => {
        heard += text;
      });
      await ended(child);
      return heard;
    };
    const folders = [lab.folder, lab.path("runtime"), lab.path("runtime/muxguard")];
    for (const folder of folders) chmodSync(folder, 0o711);
    chmodSync(lab.agentSocket, 0o666);
    expect(await talkAs(0)).toBe("answered\nclosed\n");
    const { result, events } = await lab.logged(() => talkAs(65534));
    expect(result).toMatch(/closed\n$/);
    expect(result).not.toContain("answered");
    expect(events).toMatchObject([{ by: "fault:uid", operation: "use-socket" }]);
    for (const folder of folders) chmodSync(folder, 0o700);
  });
});

/** A request that lacks its last byte, in a frame that says so. */
function cut(request: Parameters<typeof encodeAgentRequest>[0]): Buffer {
  return encodeFrame(encodeAgentRequest(request).subarray(0, -1)).packet;
}

/** In MiB. */
function residentMemory(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}
