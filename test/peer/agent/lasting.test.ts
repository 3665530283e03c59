/** A login that is approved while a terminal is open, as a person at several of them meets it. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { Lab } from "../../../lab/lab.ts";
import { Shell } from "../../../lab/terminal/shell.ts";
import { describeWith } from "../tools.ts";

describeWith(["ssh", "sshd", "python"], "a login that is approved while a terminal is open", () => {
  const lab = new Lab();
  const ssh = `ssh -n -F ${lab.sshConfig} alpha.example`;
  let here: Shell;
  beforeAll(async () => {
    lab.config('approvers = ["queue"]\n');
    const key = lab.key("work");
    await lab.startAgent("upstream.sock", key);
    await lab.startServer("alpha.example", key);
    await lab.startDaemon();
    lab.environment.SSH_AUTH_SOCK = lab.agentSocket;
    here = new Shell(lab);
  });
  afterAll(() => lab.close());

  async function onlyQuestion() {
    const [question] = await lab.pending();
    if (!question) throw new Error("no question");
    return question;
  }

  it("is not asked about again there, is at another one, and is gone when its shell has ended", async () => {
    const first = here.run(`${ssh} echo one`);
    const { id, choices, lasts, yes } = await onlyQuestion();
    expect({ second: choices[1], lasts, yes }).toEqual({
      second: "lasting",
      lasts: "terminal",
      yes: "lasting",
    });
    expect((await lab.muxguard("pending")).stdout).toContain(
      `muxguard approve ${id} allows it while this terminal is open; with --once this time alone;`,
    );
    expect((await lab.muxguard("approve", id)).stdout).toMatch(
      /^allowed while this terminal is open: log in to alpha\.example as /,
    );
    expect(await first).toBe(0);
    const { result, events } = await lab.logged(() => here.run(`${ssh} echo two`));
    expect(result).toBe(0);
    expect(events).toMatchObject([{ kind: "sign", decision: "allow", by: `grant:${id}` }]);
    const grants = async (): Promise<string> => (await lab.muxguard("grants")).stdout;
    expect(await grants()).toMatch(
      new RegExp(`^${id} {2}allow {2}.*log in to alpha.*, while its terminal is open\\n$`),
    );
    const there = new Shell(lab);
    const second = there.run(`${ssh} echo three`);
    await lab.muxguard("approve", (await onlyQuestion()).id, "--once");
    expect(await second).toBe(0);
    await here.end();
    expect(await grants()).toBe("nothing is remembered\n");
    const third = there.run(`${ssh} echo four`);
    await lab.muxguard("deny", (await onlyQuestion()).id);
    expect(await third).toBe(255);
  });
});
