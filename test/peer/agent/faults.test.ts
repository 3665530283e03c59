/** What the guard depends on, failing: the agent behind it, the file of its log, and its own life. */
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmdirSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { userInfo } from "node:os";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { accepts, ended, Lab, stderrOf, until } from "../../../lab/lab.ts";
import type { AuditEvent } from "../../../src/audit/event.ts";
import { encodeAgentReply } from "../../../src/wire/agent/agent.ts";
import { encodeFrame } from "../../../src/wire/frame.ts";
import { encodeSshsig } from "../../../src/wire/signed-data.ts";
import { AgentClient, packet } from "../../support/agent-client.ts";
import { makeFolder, makeKey, readBlob } from "../identity/keys.ts";
import { describeWith } from "../tools.ts";

const toSign = (namespace: string): Buffer =>
  encodeSshsig({ kind: "sshsig", namespace, hashAlgorithm: "sha256", hash: Buffer.alloc(32) });

const folder = makeFolder();

/** A laboratory with a daemon, and what its clients do. */
function guardedLab(upstreamTimeout = "1s") {
  const lab = new Lab();
  const keyFile = lab.key("me@laptop");
  const key = readBlob(`${keyFile}.pub`);
  const clients: AgentClient[] = [];
  lab.policy('default = "allow"\n');
  lab.config(`upstream_timeout = "${upstreamTimeout}"\n`);
  const connect = async (): Promise<AgentClient> => {
    const client = await AgentClient.open(lab.agentSocket);
    clients.push(client);
    return client;
  };
  const sign = async (namespace = "file", by = key): Promise<boolean> =>
    (await (await connect()).sign(by, toSign(namespace))) !== undefined;
  const close = (): void => {
    for (const client of clients.splice(0)) client.close();
  };
  return { lab, keyFile, key, connect, sign, close };
}

describeWith(["ssh"], "an upstream agent", () => {
  const { lab, keyFile, key, connect, sign, close } = guardedLab();
  const path = lab.path("upstream.sock");
  const identities = encodeFrame(
    encodeAgentReply({ type: "SSH_AGENT_IDENTITIES_ANSWER", identities: [{ key, comment: "me@laptop" }] }),
  ).packet;
  let stop = (): void => {};
  let said: () => string;

  beforeAll(async () => {
    lab.environment.SSH_AUTH_SOCK = path;
    said = stderrOf(await lab.startDaemon());
  });
  afterEach(async () => {
    stop();
    close();
    rmSync(path, { force: true });
    // a new agent at the same path is used at once
    await lab.startAgent("upstream.sock", keyFile);
    expect(await sign()).toBe(true);
    rmSync(path);
  });
  afterAll(() => lab.close());

  /** Plays the agent: called for each request, with its message number. */
  const play = async (answer: (request: number, socket: Socket) => void): Promise<void> => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket.on("error", () => {}));
      socket.on("data", (packets) => answer(packets[4] ?? 0, socket));
    });
    stop = () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    };
    await new Promise<void>((resolve) => server.listen(path, resolve));
  };

  const faults: Record<string, { arrange: () => Promise<void>; says: string }> = {
    "that is missing": { arrange: async () => {}, says: "is missing: no such socket" },
    "that has ended and left its socket behind": {
      arrange: async () => {
        const agent = lab.start("ssh-agent", ["-D", "-a", path], { stdio: "ignore" });
        await until(() => accepts(path), "ssh-agent");
        agent.kill("SIGKILL");
        await ended(agent);
      },
      says: "has ended: nobody listens on its socket",
    },
    "that never answers": { arrange: () => play(() => {}), says: "does not answer (waited 1 s)" },
    "that hangs up": { arrange: () => play((_, socket) => socket.destroy()), says: "closed the connection" },
    "that answers with garbage": {
      arrange: () => play((_, socket) => socket.write(Buffer.alloc(8, 0xff))),
      says: "answers with a broken message",
    },
  };

  it.each(Object.entries(faults))(
    "%s is named, and its clients get a failure",
    async (_, { arrange, says }) => {
      await arrange();
      const before = said().length;
      const { events } = await lab.logged(async () => {
        expect((await (await connect()).ask({ type: "SSH_AGENTC_REQUEST_IDENTITIES" })).type).toBe(
          "SSH_AGENT_FAILURE",
        );
        // with a key that the guard has not seen, so that it asks for the list
        expect(await sign("file", makeKey(folder).blob)).toBe(false);
      });
      const line = `the upstream agent ${path} ${says}`;
      await until(() => said().slice(before).split(line).length === 3, `a line for each: ${line}`);
      // before it there may be one that the agent is gone
      expect(events.at(-1)).toMatchObject({ decision: "deny", by: "fault:upstream", namespace: "file" });
      expect(events.at(-1)?.reason).toContain(line);
    },
  );

  it("that ends between the list and the signature leaves an entry that says so", async () => {
    await play((request, socket) => (request === 11 ? socket.write(identities) : socket.destroy()));
    const { events } = await lab.logged(async () => {
      expect(await (await connect()).list()).toHaveLength(1);
      expect(await sign()).toBe(false);
    });
    expect(events).toMatchObject([
      { decision: "allow", by: "default", key: { comment: "me@laptop" } },
      { decision: "deny", by: "fault:upstream" },
    ]);
  });

  it("that waits for a person is left alone as soon as the client leaves", async () => {
    let asked = false;
    let left = false;
    await play((request, socket) => {
      if (request === 11) socket.write(identities);
      else asked = true;
      socket.once("close", () => {
        left = true;
      });
    });
    const client = await connect();
    client.send(packet({ type: "SSH_AGENTC_SIGN_REQUEST", key, data: toSign("file"), flags: 0 }));
    await until(() => asked, "the agent to be asked");
    client.close();
    await until(() => left, "the end of the connection");
  });
});

describeWith(["ssh"], "a busy upstream agent", () => {
  const { lab, connect, close } = guardedLab("30s");
  const path = lab.path("upstream.sock");
  afterAll(async () => {
    close();
    await lab.close();
  });

  it("that takes no more connections keeps its clients waiting, and fails none", async () => {
    const agent = lab.start("ssh-agent", ["-D", "-a", path], { stdio: "ignore" });
    await until(() => accepts(path), "ssh-agent");
    agent.kill("SIGSTOP");
    lab.environment.SSH_AUTH_SOCK = path;
    await lab.startDaemon();
    const clients = await Promise.all(Array.from({ length: 300 }, connect));
    const lists = Promise.all(clients.map((client) => client.list()));
    // ssh-agent's backlog holds 128; /proc/net/unix has a line for each that waits, and one for the listener
    await until(
      () => readFileSync("/proc/net/unix", "utf8").split(` ${path}\n`).length > 129,
      "a full backlog",
    );
    // the daemon answers, so it has tried to connect for every client by now
    expect((await lab.muxguard("status")).code).toBe(0);
    agent.kill("SIGCONT");
    expect(await lists).toHaveLength(300);
    agent.kill();
    await ended(agent);
  });
});

describeWith(["ssh"], "the log", () => {
  const { lab, keyFile, sign, close } = guardedLab();
  const state = lab.path("state/muxguard");
  let said: () => string;

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", keyFile);
    said = stderrOf(await lab.startDaemon());
  });
  afterEach(close);
  afterAll(() => lab.close());

  const expectDenied = async (): Promise<void> => {
    const before = said().length;
    expect(await sign("unlogged")).toBe(false);
    await until(() => said().length > before, "the denial on stderr");
    expect(said().slice(before)).toMatch(/^muxguard: denied: sign for "unlogged".*log can't be written/);
  };

  it("that can't be written has everything denied, until it can be again", async () => {
    expect(await sign("logged")).toBe(true);
    renameSync(lab.logFile, `${lab.logFile}.1`);
    mkdirSync(lab.logFile);
    await expectDenied();
    rmdirSync(lab.logFile);
    expect(await sign("logged again")).toBe(true);
    expect(lab.log()).toMatchObject([{ namespace: "logged again" }]);
  });

  const isRoot = userInfo().uid === 0;
  if (isRoot) console.warn("skipped, as root may write anywhere: a log in a folder that can't be written to");
  it.skipIf(isRoot)("in a folder that can't be written to has everything denied", async () => {
    rmSync(lab.logFile, { force: true });
    chmodSync(state, 0o500);
    await expectDenied();
    chmodSync(state, 0o700);
    expect(await sign("logged again")).toBe(true);
  });

  it("goes on in a new file when the old one has been renamed", async () => {
    rmSync(lab.logFile, { force: true });
    expect(await sign("before")).toBe(true);
    renameSync(lab.logFile, lab.path("rotated"));
    expect(await sign("after")).toBe(true);
    expect(lab.log()).toMatchObject([{ namespace: "after" }]);
    expect(entries(readFileSync(lab.path("rotated"), "utf8"))).toMatchObject([{ namespace: "before" }]);
  });
});

describeWith(["ssh"], "a daemon that is killed", () => {
  const { lab, keyFile, key, connect, sign, close } = guardedLab();
  afterAll(() => lab.close());

  it("has logged every signature that it gave, and a new one takes its place", async () => {
    await lab.startAgent("upstream.sock", keyFile);
    const daemon = await lab.startDaemon();
    const client = await connect();
    const requests = Array.from({ length: 2000 }, (_, at) =>
      packet({ type: "SSH_AGENTC_SIGN_REQUEST", key, data: toSign(`signature ${at}`), flags: 0 }),
    );
    client.send(...requests);
    let answered = 0;
    try {
      for (; answered < 2000; answered++) {
        await client.reply();
        if (answered === 50) daemon.kill("SIGKILL");
      }
    } catch {
      // killed: what it had sent by then has come
    }
    expect(answered).toBeGreaterThan(50);
    expect(answered).toBeLessThan(2000);
    const logged = entries(readFileSync(lab.logFile, "utf8").replace(/[^\n]*$/, ""));
    const expected = Array.from({ length: answered }, (_, at) => `signature ${at}`);
    expect(logged.slice(0, answered).map(({ namespace }) => namespace)).toEqual(expected);
    expect(logged.every(({ decision }) => decision === "allow")).toBe(true);

    expect(existsSync(lab.agentSocket)).toBe(true);
    await lab.startDaemon();
    expect(await sign("from the new one")).toBe(true);
    expect(lab.log().at(-1)).toMatchObject({ namespace: "from the new one" });
    close();
  });
});

function entries(text: string): AuditEvent[] {
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line));
}
