/** Agents behind the guard: one of its own that nobody else can reach, and several as one. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { userInfo } from "node:os";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ended, Lab, MUXGUARD, type Result, stderrOf, until } from "../../../lab/lab.ts";
import { encodeAgentReply } from "../../../src/wire/agent/agent.ts";
import { encodeFrame } from "../../../src/wire/frame.ts";
import { encodeSshsig } from "../../../src/wire/signed-data.ts";
import { AgentClient } from "../../support/agent-client.ts";
import { readBlob } from "../identity/keys.ts";
import { describeWith, PYTHON } from "../tools.ts";

const data = encodeSshsig({
  kind: "sshsig",
  namespace: "file",
  hashAlgorithm: "sha256",
  hash: Buffer.alloc(32),
});

let lab: Lab;
beforeEach(() => {
  lab = new Lab();
  lab.policy('default = "allow"\n');
});
afterEach(() => lab.close());

const add = (socket: string, ...keys: string[]): void =>
  void execFileSync("ssh-add", ["-q", ...keys], {
    env: { ...lab.environment, SSH_AUTH_SOCK: socket },
    stdio: "pipe",
  });

const publicKey = (path: string): Buffer => readBlob(`${path}.pub`);

/** Comments of the keys that are listed. */
async function list(socket: string): Promise<string[]> {
  const client = await AgentClient.open(socket);
  const identities = await client.list();
  client.close();
  return identities.map(({ comment }) => comment);
}

/** Over a connection of its own, which has not listed the keys. */
async function sign(socket: string, key: string): Promise<boolean> {
  const client = await AgentClient.open(socket);
  const signature = await client.sign(publicKey(key), data);
  client.close();
  return signature !== undefined;
}

describeWith(["ssh", "python"], "a private agent", () => {
  beforeEach(() => lab.config('upstream_agent = "private"\n'));

  it("is filled by ssh-add through the guard, and signs", async () => {
    const key = lab.key("private key");
    await lab.startDaemon();
    expect(await list(lab.agentSocket)).toEqual([]);
    expect(await sign(lab.agentSocket, key)).toBe(false);
    const { events } = await lab.logged(async () => {
      add(lab.agentSocket, key);
      expect(await list(lab.agentSocket)).toEqual(["private key"]);
      expect(await sign(lab.agentSocket, key)).toBe(true);
    });
    expect(events).toMatchObject([
      { kind: "admin", operation: "add", key: { comment: "private key" } },
      { kind: "sign", decision: "allow", key: { comment: "private key" } },
    ]);
    expect((await lab.muxguard("status")).stdout).toContain("the private agent");
  });

  it("is each run's own, and is gone with it", async () => {
    const key = lab.key("run's key");
    const script = `ssh-add -q ${JSON.stringify(key)} && ssh-add -L`;
    const { code, stdout, stderr } = await lab.muxguard("run", "--", "/bin/sh", "-c", script);
    expect(code, stderr).toBe(0);
    expect(stdout).toBe(readFileSync(`${key}.pub`, "utf8"));
    expect((await lab.muxguard("run", "--", "ssh-add", "-l")).stdout).toBe("The agent has no identities.\n");
    expect(readdirSync(lab.path("runtime/muxguard"))).toEqual([]);
  });

  it("does not start while a process of a run is alive", async () => {
    const { code, stderr } = await besideMarked(2n ** 62n);
    expect(stderr).toMatch(/end \d+ \(.+\), or start the guard before any run/);
    expect(code).not.toBe(0);
    expect((await lab.muxguard("run", "--", "true")).code).toBe(0);
  });

  it("starts beside what is in a confined run, for which no socket outside is there", async () => {
    const confined = 3n * 2n ** 61n;
    expect((await besideMarked(confined)).code).toBe(0);
    expect((await besideMarked(confined - 1n)).code).not.toBe(0); // who lowers it gains nothing
  });

  /** What becomes of a run while a process with this limit is alive. */
  async function besideMarked(limit: bigint): Promise<Result> {
    const waiting = spawn("prlimit", [`--locks=${limit}:${limit}`, "--", "cat"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    // it answers: so it has its mark by now
    waiting.stdin.write("there\n");
    await once(waiting.stdout, "data");
    const result = await lab.muxguard("run", "--", "true");
    waiting.stdin.end();
    await once(waiting, "close");
    return result;
  }

  it("does not start while one forks away from every look at it", async () => {
    const stop = lab.path("stop");
    const fork = `import os\nprint("there", flush=True)\nwhile not os.path.exists("${stop}"):\n  if os.fork(): os._exit(0)`;
    const mark = String(2n ** 62n);
    const args = [`--locks=${mark}:${mark}`, "--", PYTHON, "-c", fork];
    const forking = spawn("prlimit", args, { stdio: ["ignore", "pipe", "inherit"] });
    await once(forking.stdout, "data");
    const { code, stderr } = await lab.muxguard("run", "--", "true");
    writeFileSync(stop, "");
    await once(forking.stdout, "close"); // all of them have ended
    expect(stderr).toMatch(/one of a run could be among them|end \d+ \(/);
    expect(code).not.toBe(0);
  });

  it("does not start inside of a run", async () => {
    const mark = String(2n ** 62n);
    const run = [process.execPath, MUXGUARD, "run", "--", "true"];
    const { code, stderr } = await lab.run("prlimit", [`--locks=${mark}:${mark}`, "--", ...run]);
    expect(stderr).toContain("the private agent can't start inside of a run; start it outside");
    expect(code).not.toBe(0);
  });

  it("leaves no socket in the runtime folder", async () => {
    await lab.startDaemon();
    expect(readdirSync(lab.path("runtime/muxguard")).sort()).toEqual([
      "agent.sock",
      "control",
      "daemon.sock",
    ]);
    expect(readdirSync(lab.path("runtime/muxguard/control")).sort()).toEqual(["agent.sock", "prompts.sock"]);
  });

  const isRoot = userInfo().uid === 0;
  if (isRoot)
    console.warn("skipped, as root may look into every process: the way to a private agent through /proc");
  it.skipIf(isRoot)("can't be reached through /proc by another process of the same user", async () => {
    const { pid = 0 } = await lab.startDaemon();
    expect(() => readdirSync(`/proc/${pid}/fd`)).toThrow("EACCES");
    for (let fd = 3; fd < 64; fd++) {
      expect(() => readlinkSync(`/proc/${pid}/fd/${fd}`)).toThrow("EACCES");
      expect(await failureOf(`/proc/${pid}/fd/${fd}`)).toBe("EACCES");
    }
    expect(await failureOf(lab.agentSocket)).toBeUndefined();
  });

  it.each(["SIGTERM", "SIGKILL"] as const)("ends with a daemon that gets a %s", async (signal) => {
    const daemon = await lab.startDaemon();
    const [agent, ...others] = agentsUnder(daemon.pid ?? 0);
    expect(others).toEqual([]);
    if (agent === undefined) throw new Error("no ssh-agent");
    daemon.kill(signal);
    await ended(daemon);
    // after a kill -9 it is ssh-agent that notices: it looks after its parent every 10 seconds
    await until(() => !isSshAgent(agent), "the end of the private agent", 15_000);
  });

  it("that dies is named to its clients", async () => {
    const daemon = await lab.startDaemon();
    const said = stderrOf(daemon);
    const [agent = 0] = agentsUnder(daemon.pid ?? 0);
    process.kill(agent, "SIGKILL");
    await until(() => !isSshAgent(agent), "the end of the private agent");
    const client = await AgentClient.open(lab.agentSocket);
    expect(await client.ask({ type: "SSH_AGENTC_REQUEST_IDENTITIES" })).toEqual({
      type: "SSH_AGENT_FAILURE",
    });
    client.close();
    await until(() => said().includes("the private agent has ended"), "the line on stderr");
  });
});

describeWith(["ssh"], "a list of two agents", () => {
  it("is one agent with the keys of both, each used where it is", async () => {
    const keys = [lab.key("first"), lab.key("second")];
    const [first, second] = [
      await lab.startAgent("first.sock", keys[0] ?? ""),
      await lab.startAgent("second.sock", keys[1] ?? ""),
    ];
    lab.config(`upstream_agent = ["${first}", "${second}"]\n`);
    await lab.startDaemon();
    expect(await list(lab.agentSocket)).toEqual(["first", "second"]);
    const { events } = await lab.logged(async () => {
      for (const key of keys) expect(await sign(lab.agentSocket, key)).toBe(true);
    });
    expect(events).toMatchObject([{ key: { comment: "first" } }, { key: { comment: "second" } }]);

    const third = lab.key("third");
    add(lab.agentSocket, third);
    expect(await list(lab.agentSocket)).toEqual(["first", "third", "second"]);
    expect(await list(first)).toEqual(["first", "third"]);
    add(lab.agentSocket, "-d", `${keys[1]}.pub`);
    expect(await list(second)).toEqual([]);
    add(lab.agentSocket, "-D");
    expect(await list(first)).toEqual([]);
  });

  it("may have the private one among them", async () => {
    const key = lab.key("first");
    const own = lab.key("own");
    const first = await lab.startAgent("first.sock", key);
    lab.config(`upstream_agent = ["private", "${first}"]\n`);
    await lab.startDaemon();
    add(lab.agentSocket, own);
    expect(await list(lab.agentSocket)).toEqual(["own", "first"]);
    expect(await list(first)).toEqual(["first"]);
    for (const path of [own, key]) expect(await sign(lab.agentSocket, path)).toBe(true);
  });

  it("goes on with the one that is there", async () => {
    const key = lab.key("second");
    const second = await lab.startAgent("second.sock", key);
    lab.config(`upstream_agent = ["${lab.path("missing.sock")}", "${second}"]\n`);
    await lab.startDaemon();
    expect(await list(lab.agentSocket)).toEqual(["second"]);
    expect(await sign(lab.agentSocket, key)).toBe(true);
  });

  it("says no to ssh-add -D where one of them can't be reached, and the log says which", async () => {
    const second = await lab.startAgent("second.sock", lab.key("second"));
    lab.config(`upstream_agent = ["${lab.path("missing.sock")}", "${second}"]\n`);
    await lab.startDaemon();
    expect(() => add(lab.agentSocket, "-D")).toThrow("Failed to remove all identities");
    expect(await list(second)).toEqual([]);
    expect(lab.log()).toMatchObject([
      { decision: "allow", operation: "remove-all" },
      { decision: "deny", by: "fault:upstream", operation: "use-upstream" },
      { decision: "deny", by: "fault:upstream", reason: expect.stringContaining("missing.sock is missing") },
    ]);
  });
});

describeWith(["ssh"], "the comment of a key", () => {
  it("is known to a rule on removing it, though nobody asked for the list", async () => {
    const key = lab.key("precious");
    const agent = await lab.startAgent("upstream.sock", key);
    lab.policy(
      'default = "allow"\n[[rule]]\nname = "keep"\non = ["admin"]\nkey = "precious"\naction = "deny"\n',
    );
    await lab.startDaemon();
    expect(() => add(lab.agentSocket, "-d", `${key}.pub`)).toThrow("agent refused operation");
    expect(await list(agent)).toEqual(["precious"]);
    expect(lab.log()).toMatchObject([{ decision: "deny", by: "rule:keep", key: { comment: "precious" } }]);
  });

  it("is that of the agent which holds it, whatever another agent calls it", async () => {
    const key = lab.key("production");
    await lab.startAgent("upstream.sock", key);
    lab.policy('default = "deny"\n[[rule]]\nname = "by comment"\nkey = "harmless"\naction = "allow"\n');
    await lab.startDaemon();
    const identities = [{ key: publicKey(key), comment: "harmless" }];
    const answer = encodeFrame(encodeAgentReply({ type: "SSH_AGENT_IDENTITIES_ANSWER", identities })).packet;
    const other = createServer((socket) => socket.on("data", () => socket.end(answer)));
    await new Promise<void>((resolve) => other.listen(lab.path("other.sock"), resolve));
    const through = ["run", "--upstream", lab.path("other.sock"), "--"];
    expect((await lab.muxguard(...through, "ssh-add", "-l")).stdout).toContain("harmless");
    expect(await sign(lab.agentSocket, key)).toBe(false);
    expect(lab.log()).toMatchObject([{ decision: "deny", by: "default", key: { comment: "production" } }]);
    other.close();
  });
});

/** The ssh-agents among the descendants of a process. */
function agentsUnder(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .split(" ")
    .filter(Boolean)
    .map(Number);
  return children.flatMap((child) => [...(isSshAgent(child) ? [child] : []), ...agentsUnder(child)]);
}

function isSshAgent(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.includes("(ssh-agent)") && !stat.includes("(ssh-agent) Z");
  } catch {
    return false; // it has ended
  }
}

/** Why nobody can connect to a path; undefined if somebody can. */
function failureOf(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve(undefined);
    });
    probe.once("error", (error: NodeJS.ErrnoException) => resolve(error.code));
  });
}
