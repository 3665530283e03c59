/**
 * A daemon that has no descriptor left to look at who asks, whom it has let in before: what the log is told. Who comes
 * when there is none is another matter: daemon/few-descriptors.test.ts.
 */
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Lab } from "../../../lab/lab.ts";
import { encodeAgentRequest } from "../../../src/wire/agent/agent.ts";
import { AgentMessage } from "../../../src/wire/agent/message-numbers.ts";
import { AgentClient } from "../../support/agent-client.ts";
import { readBlob } from "../identity/keys.ts";
import { describeWith } from "../tools.ts";

/** How often numbers are taken at most. */
const TIMES = 6;

describeWith(["ssh"], "a daemon that has no descriptor left", () => {
  let lab: Lab;
  let pid: number | undefined;
  beforeAll(async () => {
    lab = new Lab();
    lab.policy('default = "allow"\n');
    await lab.startAgent("upstream.sock", lab.key("work"));
    ({ pid } = await lab.startDaemon());
  });
  afterAll(() => lab.close());

  const descriptors = (): number[] => readdirSync(`/proc/${pid}/fd`).map(Number);

  /** What ends is closed a moment later, and leaves numbers free. */
  async function settled(): Promise<void> {
    for (let before = ""; before !== descriptors().join(); ) {
      before = descriptors().join();
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }

  function lowestFree(): number {
    const used = new Set(descriptors());
    for (let number = 0; ; number++) if (!used.has(number)) return number;
  }

  /** ssh-add signs at once, and asks for no list before. */
  const sign = () =>
    lab.run("ssh-add", ["-T", lab.path("work.pub")], { environment: { SSH_AUTH_SOCK: lab.agentSocket } });

  const limit = (most: number): Buffer => execFileSync("prlimit", ["--pid", `${pid}`, `--nofile=${most}:`]);

  it("denies a signature for that, and not as if the process that asks had ended; later it signs", async () => {
    const key = readBlob(lab.path("work.pub"));
    const data = Buffer.from("anything");
    const request = encodeAgentRequest({ type: "SSH_AGENTC_SIGN_REQUEST", key, data, flags: 0 });
    const idle: Socket[] = [];
    const client = await AgentClient.open(lab.agentSocket);
    let answer: number | undefined;
    // where none is left, what it keeps of processes gives way: those numbers are taken as well then
    for (let time = 0; time < TIMES && answer !== AgentMessage.SSH_AGENT_FAILURE; time++) {
      limit(1024);
      await settled();
      const highest = Math.max(...descriptors());
      const free = highest + 1 - descriptors().length;
      for (let one = 0; one < free; one++) idle.push(connect(lab.agentSocket).on("error", () => {}));
      await settled();
      limit(lowestFree());
      [answer] = await client.exchange(request);
    }
    expect(answer).toBe(AgentMessage.SSH_AGENT_FAILURE);
    expect(lab.log().at(-1)).toMatchObject({
      kind: "sign",
      decision: "deny",
      reason: expect.stringMatching(/^no file descriptor or memory is left to look at the process that asks/),
    });
    limit(1024);
    expect((await client.exchange(request))[0]).toBe(AgentMessage.SSH_AGENT_SIGN_RESPONSE);
    expect((await sign()).code).toBe(0);
    client.close();
    for (const one of idle) one.destroy();
  });
});
