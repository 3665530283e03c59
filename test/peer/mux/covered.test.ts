/** What an approved session over a guarded control socket covers: at one terminal, on one connection. */
import { beforeEach, expect, it } from "vitest";
import { until } from "../../../lab/lab.ts";
import { HOST, MuxLab } from "../../../lab/mux-lab.ts";
import { Shell } from "../../../lab/terminal/shell.ts";
import type { Question } from "../../../src/policy/question.ts";
import { opened, QUEUE } from "../opened.ts";
import { describeWith } from "../tools.ts";

const POLICY = 'default = "ask"\n[[rule]]\nname = "logins"\non = ["sign"]\naction = "allow"\n';

describeWith(["ssh", "sshd", "python"], "a plain session that is approved while its connection lasts", () => {
  const lab = opened(new MuxLab(), POLICY, QUEUE);
  let here: Shell;
  let logged = 0;
  beforeEach(async () => {
    await lab.muxguard("forget", "--all");
    await lab.endMasters();
    await lab.startMaster();
    here = new Shell(lab);
    logged = lab.log().length;
  });

  const events = () => lab.log().slice(logged);
  const ssh = (...words: string[]): string => ["ssh", "-F", lab.sshConfig, "-n", ...words].join(" ");
  const says = (word: string): string => ssh(HOST, "echo", word);

  /** Runs it there, answers the only question, and returns that. */
  async function answering(shell: Shell, line: string, ...answer: string[]): Promise<Question> {
    const running = shell.run(line);
    const [question] = await lab.pending();
    if (!question) throw new Error("no question");
    const { code, stderr } = await lab.muxguard(answer[0] ?? "deny", question.id, ...answer.slice(1));
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(await running).toBe(answer[0] === "approve" ? 0 : 255);
    return question;
  }

  /** Approves one, and returns its id. */
  async function approved(): Promise<string> {
    const { id, lasts, request } = await answering(here, says("one"), "approve", "--lasting");
    expect({ lasts, command: request.command }).toEqual({ lasts: "connection", command: "echo one" });
    expect(events()).toMatchObject([{ id, by: "approver:queue", remember: "lasting" }]);
    return id;
  }

  it("covers another command at the same terminal, and none at another one", async () => {
    const id = await approved();
    expect((await lab.muxguard("grants")).stdout).toMatch(
      new RegExp(`^${id} {2}allow .*run "echo one" on .*, while its connection lasts\\n$`),
    );
    expect(await here.run(says("two"))).toBe(0);
    expect(await here.run(`sh -c '${says("three")}; :'`)).toBe(0);
    const covered = { kind: "session", decision: "allow", by: `grant:${id}` };
    expect(events().slice(1)).toMatchObject([covered, covered]);
    // what has left the terminal is not at it, and at another one somebody else may sit
    const setsid = await answering(here, `setsid -w ${says("four")}`);
    const other = await answering(new Shell(lab), says("one"));
    for (const { request } of [setsid, other]) expect(request).toMatchObject({ kind: "session" });
  });

  it("covers no command of another program", async () => {
    await approved();
    const { caller } = await answering(here, `perl -e 'exit(system(@ARGV) >> 8)' ${says("two")}`);
    expect(caller.ancestors[0]?.name).toBe("perl");
  });

  it("ends with the connection: over the next one it is asked again", async () => {
    const id = await approved();
    await lab.endMasters();
    const grants = async (): Promise<string> => (await lab.muxguard("grants")).stdout;
    await until(async () => (await grants()) === "nothing is remembered\n", "its end");
    await lab.startMaster();
    const again = await answering(here, says("one"), "approve", "--once");
    expect(again.id).not.toBe(id);
  });

  it("covers no forward, and no session with the agent or X11", async () => {
    await approved();
    const forward = `-O forward -L ${lab.path("forward.sock")}:localhost:1 ${HOST}`;
    expect((await answering(here, ssh(forward))).request.kind).toBe("forward");
    const agent = await answering(here, ssh("-A", HOST, "echo two"));
    expect(agent.request).toMatchObject({ kind: "session", forwardAgent: true });
    const x11 = await answering(here, `DISPLAY=:99 ${ssh("-X", HOST, "echo two")}`);
    expect(x11.request).toMatchObject({ kind: "session", x11: true });
    // and it goes on to cover what it did
    expect(await here.run(says("two"))).toBe(0);
  });
});
