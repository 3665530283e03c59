/** One act of a user's is one question, although ssh logs in, makes a master and opens a session for it. */
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { until } from "./lab.ts";
import { HOST, MuxLab } from "./mux-lab.ts";
import { describeWith } from "./tools.ts";

describeWith(["ssh", "sshd"], 'with default = "ask", ControlMaster auto and ControlPersist', () => {
  const lab = new MuxLab();
  beforeAll(async () => {
    lab.settings('approvers = ["queue"]\n');
    lab.policy('default = "ask"\n');
    await lab.open();
  });
  afterEach(() => lab.endMasters());
  afterAll(() => lab.close());

  /** Runs ssh, approves each question as it comes, and returns the kinds of them. */
  const approving = async (...args: string[]) => {
    const asked: string[] = [];
    let ended = false;
    const { result, events } = await lab.logged(async () => {
      const running = lab.ssh("-o", "ControlPersist=60", ...args).finally(() => {
        ended = true;
      });
      while (!ended) {
        const { stdout } = await lab.muxguard("pending", "--json");
        for (const { id, request } of stdout
          .split("\n")
          .filter(Boolean)
          .map((line) => JSON.parse(line))) {
          asked.push(request.kind);
          await lab.muxguard("approve", id);
        }
      }
      return running;
    });
    return { result, events, asked };
  };

  it("a fresh ssh asks once, and its own session not again", async () => {
    const { result, asked, events } = await approving(HOST, "echo in");
    expect(result).toMatchObject({ code: 0, stdout: "in\n", stderr: "" });
    expect(asked).toEqual(["sign"]);
    expect(events.every(({ decision }) => decision === "allow")).toBe(true);
    await until(() => lab.isAdopted(), "the adoption");
  });

  it("another command of another process asks, the same one again does not", async () => {
    await approving(HOST, "true");
    await until(() => lab.isAdopted(), "the adoption");
    const first = await approving(HOST, "echo one");
    expect(first).toMatchObject({ asked: ["session"], result: { code: 0, stdout: "one\n" } });
    const again = await approving(HOST, "echo one");
    expect(again).toMatchObject({ asked: [], result: { code: 0, stdout: "one\n" } });
    expect(again.events).toMatchObject([{ kind: "session", by: `grant:${first.events[0]?.id}` }]);
    expect(await approving(HOST, "echo two")).toMatchObject({ asked: ["session"], result: { code: 0 } });
    expect(await approving("-tt", HOST, "echo one")).toMatchObject({ asked: ["session"] });
  });

  it("a question that is denied for a login leaves nothing behind", async () => {
    const connecting = lab.ssh("-l", "somebody-else", HOST, "true");
    const [question] = await lab.pending();
    await lab.muxguard("deny", question?.id ?? "");
    expect(await connecting).toMatchObject({ code: 255, stdout: "" });
    expect(lab.isAdopted()).toBe(false);
  });
});
