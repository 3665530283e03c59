/**
 * Bytes that no client should send, to the sockets of the agent, of a shared connection and of the daemon: they
 * get nobody a signature or a session, and spoil nothing for others.
 */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe } from "vitest";
import { HOST, MuxLab } from "../../lab/mux-lab.ts";
import { encodeAgentRequest, parseAgentReply } from "../../src/wire/agent/agent.ts";
import { AGENT_MAX_LEN, encodeFrame, FrameDecoder } from "../../src/wire/frame.ts";
import { MuxMessage } from "../../src/wire/mux/message-numbers.ts";
import { encodeMuxRequest } from "../../src/wire/mux/request.ts";
import { ByteWriter } from "../../src/wire/primitives.ts";
import { encodeSshsig } from "../../src/wire/signed-data.ts";
import { readBlob } from "../peer/identity/keys.ts";
import { describeWith } from "../peer/tools.ts";
import { AgentClient } from "../support/agent-client.ts";
import { hello, session } from "../support/mux-guard.ts";
import { type Attacks, gainNothing, type Outcome } from "./attack.ts";
import { type Talk, talk } from "./raw-client.ts";

const POLICY = `default = "deny"
[[rule]]
on = ["sign"]
host = "${HOST}"
action = "allow"
[[rule]]
namespace = "honest"
action = "allow"
[[rule]]
on = ["session"]
command = "true"
action = "allow"
`;

const tooLong = encodeFrame(Buffer.alloc(AGENT_MAX_LEN + 1)).packet;
const frame = (...parts: (Buffer | number[])[]): Buffer =>
  encodeFrame(Buffer.concat(parts.map((part) => Buffer.from(part)))).packet;

describeWith(["ssh", "sshd"], "bytes that no client should send", () => {
  const lab = new MuxLab();
  const marker = lab.path("marker");
  let key: Buffer;
  beforeAll(async () => {
    lab.policy(POLICY);
    await lab.open();
    await lab.startMaster();
    key = readBlob(lab.path("me@laptop.pub"));
  });
  afterAll(() => lab.close());

  const signPayload = (namespace: string): Buffer => {
    const data = encodeSshsig({ kind: "sshsig", namespace, hashAlgorithm: "sha256", hash: randomBytes(32) });
    return encodeAgentRequest({ type: "SSH_AGENTC_SIGN_REQUEST", key, data, flags: 0 });
  };

  describe("to the agent socket gain", () => {
    /** What came back, whether it came to the guard, and whether others are served. */
    const send = async (bytes: Buffer, how: Talk = {}): Promise<Outcome> => {
      const before = lab.log().length;
      const { bytes: answers, closed } = await talk(lab.agentSocket, bytes, { until: hasFrame, ...how });
      const types = new FrameDecoder().push(answers).map(({ payload }) => parseAgentReply(payload).type);
      const gained = types.filter((type) => !/FAILURE/.test(type));
      const allowed = lab
        .log()
        .slice(before)
        .filter(({ decision }) => decision === "allow");
      const client = await AgentClient.open(lab.agentSocket);
      const honest = (await client.exchange(signPayload("honest")))[0] === 14;
      client.close();
      return { tried: honest && (closed || types.length > 0), gained: [...gained, ...allowed].join() };
    };
    const hasFrame = (bytes: Buffer): boolean => new FrameDecoder().push(bytes).length > 0;
    const denied = (): Buffer => signPayload("denied");
    const attacks: Attacks = {
      "a signature that no rule allows": () => send(frame(denied())),
      "one byte by byte": () => send(frame(denied()), { split: true }),
      "one behind an honest request in the same frame": () => send(frame(signPayload("honest"), denied())),
      "one behind a frame of no length": () => send(Buffer.concat([Buffer.alloc(4), frame(denied())])),
      "one behind a frame that is too long": () => send(Buffer.concat([tooLong, frame(denied())])),
      "one by a frame of 4 GiB": () => send(Buffer.concat([Buffer.from("ffffffff", "hex"), denied()])),
      "one by a frame that is never finished": () => send(frame(denied()).subarray(0, -1), { ends: true }),
      "one by half a length": () => send(Buffer.from([0, 0]), { ends: true }),
      "one by a request with a byte too many": () => send(frame(denied(), [0])),
      "one by a request with a byte too few": () => send(frame(denied().subarray(0, -1))),
      "one by a key that is longer than the message": () =>
        send(frame([13], Buffer.from("7fffffff", "hex"), denied())),
      "one by an extension that nobody knows": () =>
        send(frame([27], new ByteWriter().string("evil@example.com").bytes(denied()).toBuffer())),
      "one by an extension without a name": () => send(frame([27])),
      "one by an answer in place of a request": () =>
        send(frame([14], new ByteWriter().string("x").toBuffer())),
      "one by the messages of SSH 1": () => send(frame([3], randomBytes(64))),
      "anything by a message that nobody knows": () => send(frame([200])),
      "anything by a message of 256 KiB that nobody knows": () =>
        send(frame(Buffer.alloc(AGENT_MAX_LEN, 201))),
      "anything by another protocol": () => send(Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")),
      "the agent's lock": () =>
        send(frame(encodeAgentRequest({ type: "SSH_AGENTC_LOCK", passphrase: Buffer.from("mine") }))),
      "the removal of all keys": () => send(frame([19])),
    };
    gainNothing(attacks);
  });

  describe("to a shared connection gain", () => {
    const greeting = frame(encodeMuxRequest(hello));
    const [yes, no] = [session("true"), session(`touch ${marker}`)].map(encodeMuxRequest) as [Buffer, Buffer];
    const message = (type: keyof typeof MuxMessage): ByteWriter =>
      new ByteWriter().u32(MuxMessage[type]).u32(1);
    const forward = (kind: number): Buffer =>
      message("MUX_C_OPEN_FWD").u32(kind).string("localhost").u32(1).string("db").u32(2).toBuffer();

    const send = async (bytes: Buffer, greet = true): Promise<Outcome> => {
      const pid = await lab.masterPid();
      const all = greet ? Buffer.concat([greeting, bytes]) : bytes;
      const heard = await talk(lab.controlPath(), all, { until: (got) => framesOf(got) > 1, ends: true });
      const gained = [
        existsSync(marker) && "a session",
        pid !== (await lab.masterPid()) && "the master's end",
      ];
      const { code } = await lab.ssh(HOST, "true");
      // the guard has greeted, or hung up on what it could not read
      return {
        tried: code === 0 && (heard.closed || heard.bytes.length > 0),
        gained: gained.filter(Boolean).join(),
      };
    };
    const framesOf = (bytes: Buffer): number => new FrameDecoder().push(bytes).length;
    const attacks: Attacks = {
      "a session that no rule allows": () => send(frame(no)),
      "one without a greeting": () => send(frame(no), false),
      "one by a greeting of another version": () =>
        send(
          Buffer.concat([frame(encodeMuxRequest({ ...hello, version: 3 } as typeof hello)), frame(no)]),
          false,
        ),
      "one by greeting twice": () => send(Buffer.concat([greeting, frame(no)])),
      "one behind an allowed one in the same frame": () => send(frame(yes, no)),
      "one behind a frame of no length": () => send(Buffer.concat([Buffer.alloc(4), frame(no)])),
      "one behind a frame that is too long": () => send(Buffer.concat([tooLong, frame(no)])),
      "one by a frame that is never finished": () => send(frame(no).subarray(0, -1)),
      "one by a command with a NUL": () => send(frame(encodeMuxRequest(session(`true\0; touch ${marker}`)))),
      "one by an allowed one without its descriptors": () => send(Buffer.concat([frame(yes), frame(no)])),
      "the master's end by a forward of type 0": () => send(frame(forward(0))),
      "the master's end by a forward of type 4": () => send(frame(forward(4))),
      "the master's end by an info without a name": () => send(frame(message("MUX_C_EXT_INFO").toBuffer())),
      "the master's end by -O exit": () => send(frame(message("MUX_C_TERMINATE").toBuffer())),
      "the master's end by -O stop": () => send(frame(message("MUX_C_STOP_LISTENING").toBuffer())),
      "all of the connection by proxy mode, with a session behind it": () =>
        send(Buffer.concat([frame(message("MUX_C_PROXY").toBuffer()), frame(no)])),
      "anything by a message that nobody knows": () =>
        send(frame(new ByteWriter().u32(0x2000ffff).u32(1).toBuffer())),
      "anything by random bytes": () => send(randomBytes(4096), false),
    };
    gainNothing(attacks);
  });

  describe("to the daemon's socket gain", () => {
    const line = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value)}\n`);
    const status = { id: 7, method: "status", params: null };
    const send = async (bytes: Buffer): Promise<Outcome> => {
      const { bytes: answers, closed } = await talk(lab.daemonSocket, bytes, {
        until: (got) => got.includes(10),
      });
      const [first = ""] = answers.toString().split("\n");
      const answer = first === "" ? {} : JSON.parse(first);
      const { code, stdout } = await lab.muxguard("status");
      const isLocked = /locked/.test(stdout.replace("not locked", ""));
      return { tried: code === 0 && (closed || first !== ""), gained: isLocked || "result" in answer };
    };
    const attacks: Attacks = {
      "an answer by what is no JSON": () => send(Buffer.from("lock now\n")),
      "one by a line that is no UTF-8": () => send(Buffer.from([0xff, 0xfe, 10])),
      "one by a method that nobody knows": () => send(line({ ...status, method: "shell" })),
      "one by a method of every object": () => send(line({ ...status, method: "constructor" })),
      "one by a prototype": () => send(Buffer.from('{"__proto__":{"id":1,"method":"status"}}\n')),
      "a lock by parameters that are a text": () => send(line({ ...status, method: "lock", params: "true" })),
      "one by parameters that are too many": () => send(line({ ...status, params: { lock: true } })),
      "a run of its own, with a process of another": () =>
        send(
          line({ ...status, method: "openRun", params: { name: "x", terminal: false, ride: false, pid: 1 } }),
        ),
      "memory by a line without an end": () => send(Buffer.alloc(3 * 1024 * 1024, "x")),
      "the daemon's end by lists in lists": () => send(Buffer.from(`${"[".repeat(500_000)}\n`)),
      "the daemon's end by an answer to what was never asked": () =>
        send(Buffer.concat([line({ id: 1, result: {} }), line({ ...status, method: "nothing" })])),
    };
    gainNothing(attacks);
  });

  describe("cost the guard", () => {
    gainNothing({
      "no more memory than it has room for": async () => {
        const status = readFileSync(`/proc/${lab.daemon?.pid}/status`, "utf8");
        const mebibytes = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
        return { tried: mebibytes > 0, gained: mebibytes > 200 && `${mebibytes} MiB` };
      },
      "not a word of an internal fault": async () => ({
        tried: true,
        gained: /internal fault|TypeError|RangeError/.exec(lab.told)?.[0],
      }),
    });
  });
});
