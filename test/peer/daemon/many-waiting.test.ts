/** Many that wait for an answer at once: what people see of them, and what becomes of each. */
import type { ChildProcess } from "node:child_process";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { ended, Lab, until } from "../../../lab/lab.ts";
import { encodeSshsig } from "../../../src/wire/signed-data.ts";
import { AgentClient } from "../../support/agent-client.ts";
import { readBlob } from "../identity/keys.ts";
import { describeWith } from "../tools.ts";

const CLIENTS = 1000;
/** max_questions of config.toml, as it is if nobody says otherwise. */
const OF_A_PROGRAM = 10;

describeWith(["ssh"], `${CLIENTS} clients that wait for an answer`, () => {
  const lab = new Lab();
  const keyFile = lab.key("me");
  const key = readBlob(`${keyFile}.pub`);
  const clients: AgentClient[] = [];
  /** Nobody reads its stderr. */
  let daemon: ChildProcess;

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", keyFile);
    lab.policy('default = "ask"\n');
    daemon = await lab.startDaemon();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await lab.pending(0);
  });
  afterAll(() => lab.close());

  /** Whether each gets a signature; rejects for one that goes away. */
  const sign = async (namespaceOf: (at: number) => string): Promise<Promise<boolean>[]> => {
    while (clients.length < CLIENTS) clients.push(await AgentClient.open(lab.agentSocket));
    return clients.map(async (client, at) => {
      const signed = { namespace: namespaceOf(at), hashAlgorithm: "sha256", hash: Buffer.alloc(32) } as const;
      return (await client.sign(key, encodeSshsig({ kind: "sshsig", ...signed }))) !== undefined;
    });
  };
  const waiting = async (count: number): Promise<string> => {
    let id = "";
    const isSo = async (): Promise<boolean> => {
      const [question] = await lab.pending();
      id = question?.id ?? "";
      return question?.count === count;
    };
    await until(isSo, `${count} that wait`);
    return id;
  };

  it("for the same are one question: who goes away leaves it, and all others have the answer", async () => {
    const answers = await sign(() => "file");
    const gone = Promise.allSettled(answers.slice(0, 300));
    await waiting(CLIENTS);
    for (const client of clients.slice(0, 300)) client.close();
    const id = await waiting(CLIENTS - 300);
    expect(await lab.muxguard("approve", id, "--once")).toMatchObject({ code: 0 });
    expect(await Promise.all(answers.slice(300))).toEqual(Array(CLIENTS - 300).fill(true));
    expect((await gone).every(({ status }) => status === "rejected")).toBe(true);
  });

  it("for something different each are few questions: the others are denied, with the reason", async () => {
    const before = lab.log().length;
    let denied = 0;
    for (const answer of await sign((at) => `file${at}`))
      answer.then((signed) => (denied += signed ? 0 : 1)).catch(() => {}); // closed below
    const questions = await lab.pending(OF_A_PROGRAM);
    await until(
      () => denied === CLIENTS - OF_A_PROGRAM,
      () => `${denied} that are denied`,
    );
    const reasons = lab
      .log()
      .slice(before)
      .map(({ by, reason }) => `${by}: ${reason}`);
    const busy = `${OF_A_PROGRAM} questions of this program are open already (muxguard pending)`;
    expect([...new Set(reasons)]).toEqual([`fault:busy: ${busy}`]);
    expect(reasons).toHaveLength(CLIENTS - OF_A_PROGRAM);
    const [first, second] = questions;
    expect((await lab.muxguard("approve", first?.id ?? "", "--once")).code).toBe(0);
    expect((await lab.muxguard("deny", second?.id ?? "")).code).toBe(0);
    expect(await lab.pending(OF_A_PROGRAM - 2)).toHaveLength(OF_A_PROGRAM - 2);
  });

  it("leave a daemon that ends when it is asked to, though it told more than anybody has read", async () => {
    daemon.kill("SIGTERM");
    await ended(daemon);
    expect(daemon.exitCode).toBe(0);
  });
});
