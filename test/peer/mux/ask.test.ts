/** Questions about what is asked of a guarded control socket: who asks waits, and nobody else does. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { ended, finished, stderrOf, until } from "../../../lab/lab.ts";
import { HOST, MuxLab } from "../../../lab/mux-lab.ts";
import { Pty } from "../../../lab/terminal/pty.ts";
import { SERVERS_HAVE_TERMINALS } from "../../../lab/terminal/server-terminals.ts";
import { opened } from "../opened.ts";
import { describeWith } from "../tools.ts";

const ASK = '[[rule]]\nname = "careful"\ncommand = "uptime*"\naction = "ask"\nremember = "never"\n';

describeWith(["ssh", "sshd", "python"], "a session that a person is asked about", () => {
  const lab = new MuxLab();
  const ssh = (...args: string[]) =>
    lab.start("ssh", ["-F", lab.sshConfig, ...args], { detached: true, stdio: ["pipe", "pipe", "pipe"] });
  beforeAll(async () => {
    lab.settings('approvers = ["queue"]\n');
    lab.policy(`default = "allow"\n${ASK}`);
    await lab.open();
    await lab.startMaster();
  });
  afterAll(() => lab.close());

  it("goes on when it is approved, and says nothing of it where stderr is no terminal", async () => {
    const { result, events } = await lab.logged(async () => {
      const session = lab.ssh(HOST, "uptime > /dev/null; echo in; exit 3");
      const [question] = await lab.pending();
      expect(question).toMatchObject({ because: "rule:careful", request: { kind: "session" } });
      expect(await lab.muxguard("approve", question?.id ?? "")).toMatchObject({ code: 0 });
      return session;
    });
    expect(result).toEqual({ code: 3, signal: null, stdout: "in\n", stderr: "" });
    expect(events).toMatchObject([{ kind: "session", decision: "allow", by: "approver:queue", host: HOST }]);
  });

  it("ends with 255 and the reason when it is denied, and makes no connection", async () => {
    const connections = lab.connections();
    const session = lab.ssh(HOST, "uptime");
    const [question] = await lab.pending();
    await lab.muxguard("deny", question?.id ?? "");
    const { code, stdout, stderr } = await session;
    expect({ code, stdout }).toEqual({ code: 255, stdout: "" });
    expect(stderr).toMatch(/^muxguard: denied: run "uptime" on prod\.example .*\(you said no\b.*\)\n$/);
    expect(lab.connections()).toBe(connections);
  });

  it.skipIf(!SERVERS_HAVE_TERMINALS)(
    "says on its terminal that it waits, and how to approve it",
    async () => {
      const terminal = new Pty(lab, "ssh", "-F", lab.sshConfig, "-t", HOST, "uptime > /dev/null; echo in");
      const [question] = await lab.pending();
      await terminal.shows(`(muxguard approve ${question?.id})`);
      expect(terminal.text).toMatch(/^\s*muxguard: waiting for approval: run "uptime > /);
      await lab.muxguard("approve", question?.id ?? "");
      expect(await terminal.end()).toBe(0);
      await terminal.shows("in\r\n");
    },
  );

  it("can be given up with Ctrl-C while it waits", async () => {
    const terminal = new Pty(lab, "ssh", "-F", lab.sshConfig, "-t", HOST, "uptime");
    await lab.pending();
    await terminal.shows("waiting for approval");
    const { events } = await lab.logged(async () => {
      terminal.type("\x03");
      await terminal.end();
      await lab.pending(0);
    });
    expect(events).toMatchObject([{ decision: "deny", by: "fault:withdrawn" }]);
  });

  it("withdraws the question when its client is killed", async () => {
    const client = ssh(HOST, "uptime");
    await lab.pending();
    const { events } = await lab.logged(async () => {
      client.kill("SIGKILL");
      await ended(client);
      await lab.pending(0);
    });
    expect(events).toMatchObject([{ decision: "deny", by: "fault:withdrawn", command: "uptime" }]);
  });

  it("holds up no other session, on the same master or of the same client", async () => {
    const session = lab.ssh(HOST, "uptime > /dev/null; echo late");
    const [question] = await lab.pending();
    const others = Array.from({ length: 10 }, (_, at) => lab.ssh(HOST, `echo ${at}`));
    expect((await Promise.all(others)).map(({ stdout }) => stdout)).toEqual(others.map((_, at) => `${at}\n`));
    expect(await lab.masterPid()).toBeGreaterThan(0);
    expect(await lab.pending()).toMatchObject([{ id: question?.id }]);
    await lab.muxguard("approve", question?.id ?? "");
    expect(await session).toMatchObject({ code: 0, stdout: "late\n" });
  });

  it("is denied when nobody answers in time", async () => {
    lab.policy(`default = "allow"\n${ASK}timeout = "1s"\n`);
    expect((await lab.ssh(HOST, "uptime")).stderr).toContain("(no answer within 1 seconds");
    lab.policy(`default = "allow"\n${ASK}`);
  });

  it("keeps what was sent ahead on its stdin", async () => {
    const client = ssh(HOST, "uptime > /dev/null; cat");
    client.stdin?.end("x".repeat(30_000));
    const result = finished(client);
    const [question] = await lab.pending();
    await lab.muxguard("approve", question?.id ?? "");
    expect(await result).toMatchObject({ code: 0, stdout: "x".repeat(30_000) });
  });

  it("can be a forward or the master's end: -O waits too", async () => {
    lab.policy(
      'default = "allow"\n[[rule]]\non = ["forward", "terminate"]\naction = "ask"\nremember = "never"\n',
    );
    for (const args of [
      ["-O", "forward", "-L", `${lab.path("f.sock")}:/nowhere`],
      ["-O", "exit"],
    ]) {
      const asking = lab.ssh(...args, HOST);
      const [question] = await lab.pending();
      await lab.muxguard("approve", question?.id ?? "");
      expect(await asking).toMatchObject({ code: 0 });
    }
    await until(() => !lab.isAdopted(), "the master's end");
  });
});

describeWith(["ssh", "sshd"], 'with announce = "always"', () => {
  const lab = opened(
    new MuxLab(),
    `default = "allow"\n${ASK}`,
    'approvers = ["queue"]\nannounce = "always"\n',
  );
  beforeAll(async () => {
    await lab.startMaster();
  });

  it("a session that waits says so on whatever its stderr is", async () => {
    const client = lab.start("ssh", ["-F", lab.sshConfig, HOST, "uptime > /dev/null; echo in"]);
    const session = finished(client);
    const said = stderrOf(client);
    const [question] = await lab.pending();
    await until(() => said().includes("waiting"), "the line that says so");
    await lab.muxguard("approve", question?.id ?? "");
    const { code, stdout, stderr } = await session;
    expect({ code, stdout }).toEqual({ code: 0, stdout: "in\n" });
    expect(stderr).toMatch(/^muxguard: waiting for approval: run "uptime/);
    expect(stderr).toContain(`(muxguard approve ${question?.id})\n`);
  });
});
