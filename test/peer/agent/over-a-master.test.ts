/**
 * What a guarded master brings to the agent's socket: ssh binds what it forwards of its agent to the session
 * that it comes from. What comes without is from over another forward of the master's, such as it was started
 * with before the guard took it over.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { accepts, until } from "../../../lab/lab.ts";
import { HOST, MuxLab } from "../../../lab/mux-lab.ts";
import { describeWith } from "../tools.ts";

describeWith(["ssh", "sshd"], "a guarded master at the agent's socket", () => {
  const lab = new MuxLab();
  const there = lab.path("there");
  beforeAll(async () => {
    lab.policy('default = "allow"\n');
    await lab.open();
    await lab.startMaster(HOST, "-A", "-R", `${there}:${lab.agentSocket}`);
    await until(() => accepts(there), "the forward");
  });
  afterAll(() => lab.close());

  const add = (...words: string[]) =>
    lab.logged(() => lab.run("ssh-add", words, { environment: { SSH_AUTH_SOCK: there } }));

  it("gets neither keys nor signatures for what comes over a forwarded socket", async () => {
    for (const words of [["-l"], ["-T", lab.path("me@laptop.pub")], ["-d", lab.path("me@laptop.pub")]]) {
      const { result, events } = await add(...words);
      expect(result.code).not.toBe(0);
      expect(result.stdout).not.toContain("SHA256:");
      for (const event of events)
        expect(event).toMatchObject({
          decision: "deny",
          reason: expect.stringContaining("a shared connection passes this on"),
        });
    }
    expect(lab.log().filter(({ reason }) => reason?.includes("passes this on"))).not.toHaveLength(0);
  });

  it("is served as forwarded where ssh says so", async () => {
    const { result, events } = await lab.logged(() =>
      lab.ssh("-A", HOST, `ssh-add -T ${lab.path("me@laptop.pub")} && echo in`),
    );
    expect(result).toMatchObject({ code: 0, stdout: "in\n" });
    expect(events.find(({ kind }) => kind === "sign")).toMatchObject({
      decision: "allow",
      forwarded: true,
      path: [HOST],
    });
  });
});
