/** What is decided when a connection is opened: by rule and by a person, and what one answer covers. */
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { finished, type Result, until } from "../../../lab/lab.ts";
import { HOST } from "../../../lab/mux-lab.ts";
import { OpenLab } from "../../../lab/open-lab.ts";
import { describeWith } from "../tools.ts";

describeWith(["ssh", "sshd"], "what is decided when a connection is opened", () => {
  const lab = new OpenLab();
  const kindsOf = (events: { kind: string; decision: string }[]): string[] =>
    events.map(({ kind, decision }) => `${kind} ${decision}`);
  beforeAll(async () => {
    lab.settings('approvers = ["queue"]\n');
    await lab.open();
  });
  beforeEach(() => lab.endOpened());
  afterAll(() => lab.close());

  /** Answers the only question that waits, and returns the words of its request's kind. */
  async function answer(word: "approve" | "deny"): Promise<string> {
    const [question] = await lab.pending();
    const words = [word, question?.id ?? "", ...(word === "approve" ? ["--once"] : [])]; // the next one is another
    expect(await lab.muxguard(...words)).toMatchObject({ code: 0 });
    return question?.request.kind ?? "";
  }

  it("can be denied by a rule, before anything is sent", async () => {
    lab.policy(
      'default = "allow"\n[[rule]]\nname = "no way"\non = ["connect"]\nhost = "prod.example"\naction = "deny"\n',
    );
    const connections = lab.connections();
    const { result, events } = await lab.logged(() => lab.muxguard("open", HOST));
    expect(result).toMatchObject({ code: 1, stdout: "" });
    expect(result.stderr).toMatch(/^muxguard: denied: connect to prod\.example .*\(rule "no way"\)\n$/);
    expect(events).toMatchObject([{ kind: "connect", decision: "deny", by: "rule:no way" }]);
    expect(lab.connections()).toBe(connections);
  });

  it("does not let the guard's own ssh use a key that a rule denies", async () => {
    lab.policy(
      'default = "allow"\n[[rule]]\nname = "not this key"\non = ["sign"]\nkey = "me@*"\naction = "deny"\n',
    );
    const { result, events } = await lab.logged(() => lab.muxguard("open", HOST));
    expect(result.stderr).toMatch(/^muxguard: ssh could not connect: .*Permission denied \(publickey/m);
    expect(events).toMatchObject([
      { kind: "connect", decision: "allow" },
      { kind: "sign", decision: "deny", by: "rule:not this key" },
    ]);
    expect(lab.masters()).toEqual([]);
  });

  it("is one question for the connection and the login", async () => {
    lab.policy('default = "ask"\n');
    const { result, events } = await lab.logged(async () => {
      const opening = lab.muxguard("open", HOST);
      expect(await answer("approve")).toBe("connect");
      return opening;
    });
    expect(result).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("muxguard: waiting for approval: connect"),
    });
    expect(events).toMatchObject([
      { kind: "connect", by: "approver:queue" },
      { kind: "sign", by: `grant:${events[0]?.id}` },
    ]);
    // what somebody else then asks of it is another matter
    const session = lab.ssh(HOST, "echo in");
    expect(await answer("approve")).toBe("session");
    expect(await session).toMatchObject({ code: 0, stdout: "in\n" });
  });

  it("answers status, and other questions, while it waits for an answer or for ssh", async () => {
    lab.policy('default = "ask"\n');
    const opening = lab.muxguard("open", HOST);
    await lab.pending();
    expect(await lab.muxguard("status")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("questions  1"),
    });
    await answer("deny");
    expect(await opening).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("\nmuxguard: denied: connect to prod.example"),
    });
  });

  it("withdraws its question when whoever asked is killed", async () => {
    lab.policy('default = "ask"\n');
    const child = lab.start(process.execPath, [lab.program, "open", HOST], { detached: true });
    await lab.pending();
    const { events } = await lab.logged(async () => {
      child.kill("SIGKILL");
      await lab.pending(0);
    });
    expect(events).toMatchObject([{ kind: "connect", decision: "deny", by: "fault:withdrawn" }]);
  });

  it("two who open the same at once share one master", async () => {
    lab.policy('default = "allow"\n');
    const paths = ["sockets/a", "sockets/b"];
    const all = await Promise.all(paths.map((path) => lab.muxguard("open", "--control-path", path, HOST)));
    expect(all.map(({ code }) => code)).toEqual([0, 0]);
    expect(lab.masters()).toHaveLength(1);
    for (const path of paths)
      expect(await lab.ssh("-S", path, HOST, "echo in")).toMatchObject({ stdout: "in\n" });
  });

  const ride = (line: string): Promise<Result> =>
    finished(
      lab.start(
        process.execPath,
        [lab.program, "run", "--ride", "--no-confine", "--", "/bin/sh", "-c", line],
        {
          detached: true,
          stdio: ["ignore", "pipe", "pipe"],
        },
      ),
    );

  it("is one question for the connection, the login and the session, from inside of a ride", async () => {
    lab.policy('default = "ask"\n');
    const { result, events } = await lab.logged(async () => {
      const running = ride(`ssh ${HOST} 'echo in; exit 3'`);
      expect(await answer("approve")).toBe("connect");
      return running;
    });
    expect(result).toMatchObject({ code: 3, stdout: "in\n" });
    expect(kindsOf(events)).toEqual(["connect allow", "sign allow", "session allow"]);
    expect(events.map(({ by }) => by)).toEqual([
      "approver:queue",
      `grant:${events[0]?.id}`,
      `grant:${events[0]?.id}`,
    ]);
    expect(events[0]).toMatchObject({ command: "echo in; exit 3", caller: { scope: "sh" } });
  });

  it("asks again for another session of the same run", async () => {
    lab.policy('default = "ask"\n');
    const running = ride(`ssh ${HOST} 'echo one'; ssh ${HOST} 'echo two'; echo $?`);
    expect(await answer("approve")).toBe("connect");
    expect(await answer("deny")).toBe("session");
    expect(await running).toMatchObject({
      stdout: "one\n255\n",
      stderr: expect.stringMatching(
        /muxguard: denied: run "echo two" on prod\.example .*\(you said no.*\)\n$/,
      ),
    });
  });

  it("is two questions for 20 sessions at once that want the same", async () => {
    lab.policy('default = "ask"\n');
    const running = ride(`for n in $(seq 20); do ssh ${HOST} 'echo in' & done; wait`);
    const [first] = await lab.pending();
    expect(first?.request.kind).toBe("connect");
    await lab.muxguard("approve", first?.id ?? "");
    let second = "";
    await until(
      async () => {
        const { stdout } = await lab.muxguard("pending", "--json");
        const { id, count } = stdout === "" ? {} : JSON.parse(stdout);
        second = id;
        return count === 19;
      },
      "19 sessions that wait",
      60_000,
    );
    await lab.muxguard("approve", second);
    expect((await running).stdout).toBe("in\n".repeat(20));
    expect(lab.masters()).toHaveLength(1);
  }, 90_000);
});
