/** `ssh-add -c` behind the guard: the agent's question is about what the guard decided a moment ago. */
import { type ChildProcess, execFileSync } from "node:child_process";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { AskpassLab } from "../../../lab/askpass-lab.ts";
import { type Result, until } from "../../../lab/lab.ts";
import { firstWords } from "../../../lab/processes.ts";
import { encodeSshsig } from "../../../src/wire/signed-data.ts";
import { AgentClient, packet } from "../../support/agent-client.ts";
import { readBlob } from "../identity/keys.ts";
import { describeWith } from "../tools.ts";

const HOST = "prod.example";
const LOGINS = '[[rule]]\nname = "logins"\non = "sign"\nverified = true\naction = "allow"\n';
const FILES = '[[rule]]\nname = "files"\non = "sign"\nnamespace = "file"\naction = "allow"\n';
const data = encodeSshsig({
  kind: "sshsig",
  namespace: "file",
  hashAlgorithm: "sha512",
  hash: Buffer.alloc(64),
});

describeWith(["ssh", "sshd"], "a key that asks at each use, behind the guard", () => {
  const lab = new AskpassLab();
  let agent: ChildProcess;
  let key: Buffer;
  const upstream = lab.path("upstream.sock");
  const login = (): Promise<Result> =>
    lab.run("ssh", ["-F", lab.sshConfig, HOST, "echo in"], {
      environment: { SSH_AUTH_SOCK: lab.agentSocket },
    });

  beforeAll(async () => {
    const file = lab.key("work");
    key = readBlob(`${file}.pub`);
    await lab.startServer(HOST, file);
    agent = lab.start("ssh-agent", ["-D", "-a", upstream], { stdio: ["ignore", "pipe", "inherit"] });
    await firstWords(agent);
    lab.environment.SSH_AUTH_SOCK = upstream;
    execFileSync("ssh-add", ["-q", "-c", file], { env: lab.environment, stdio: "pipe" });
    lab.config('approvers = ["queue"]\ntimeout = "20s"\n');
    lab.policy(LOGINS);
    await lab.startDaemon();
  });
  afterAll(() => lab.close());

  const deny = async (): Promise<void> => {
    const [question] = await lab.pending();
    expect(question).toMatchObject({ request: { kind: "confirm", operation: "use-key" } });
    await lab.muxguard("deny", question?.id ?? "");
  };

  it("is not asked about again: one act is one decision, and an entry says which", async () => {
    const { result, events } = await lab.logged(login);
    expect(result).toMatchObject({ code: 0, stdout: "in\n" });
    const [sign, confirm] = events;
    expect(sign).toMatchObject({ kind: "sign", by: "rule:logins" });
    expect(confirm).toMatchObject({ kind: "confirm", operation: "use-key", by: `grant:${sign?.id}` });
  });

  it("stays unused where a rule on the agent's question denies it", async () => {
    lab.policy(`${LOGINS}[[rule]]\nname = "never"\non = "confirm"\naction = "deny"\n`);
    onTestFinished(() => lab.policy(LOGINS));
    const { result, events } = await lab.logged(login);
    expect(result.code).toBe(255);
    expect(events[1]).toMatchObject({ kind: "confirm", decision: "deny", by: "rule:never" });
  });

  it("is asked about where the guard asks for nothing: by who comes to the agent itself", async () => {
    const direct = await AgentClient.open(upstream);
    const signed = direct.sign(key, data);
    await deny();
    expect(await signed).toBeUndefined();
    direct.close();
  });

  it("is asked about for one who came before the guard: the guard's request lies unread meanwhile", async () => {
    lab.policy(FILES);
    onTestFinished(() => lab.policy(LOGINS));
    await lab.muxguard("forget", "--all"); // a no stands for a while
    const direct = await AgentClient.open(upstream);
    await direct.list(); // the agent has accepted it, and will look at it first
    const client = await AgentClient.open(lab.agentSocket);
    await client.list();
    agent.kill("SIGSTOP");
    direct.send(packet({ type: "SSH_AGENTC_SIGN_REQUEST", key, data, flags: 0 }));
    const before = lab.log().length;
    const own = client.sign(key, data);
    await until(() => lab.log().length > before, "the guard's own decision");
    agent.kill("SIGCONT");
    await deny(); // that of the one who came before: nothing of the guard's is taken for it
    expect((await direct.reply())[0]).toBe(5);
    expect(await own).toBeInstanceOf(Buffer);
    direct.close();
    client.close();
  });
});
