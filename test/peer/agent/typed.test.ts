/** Who asks, of an ssh that a person types: the terminal that they sit at wants nothing. */
import { userInfo } from "node:os";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Lab, MUXGUARD } from "../../../lab/lab.ts";
import { Terminal } from "../../../lab/terminal/terminal.ts";
import { describeWith } from "../tools.ts";

describeWith(["ssh", "sshd", "tmux"], "a question about what is typed at a terminal", () => {
  const lab = new Lab();
  const user = userInfo().username;
  const ssh = `ssh -F ${lab.sshConfig} alpha.example true`;
  beforeAll(async () => {
    lab.config('approvers = ["queue"]\n');
    const key = lab.key("work");
    await lab.startAgent("upstream.sock", key);
    await lab.startServer("alpha.example", key);
    await lab.startDaemon();
    lab.environment.SSH_AUTH_SOCK = lab.agentSocket;
  });
  afterAll(() => lab.close());

  it.each([
    ["ssh itself", ssh, "ssh", "ssh"],
    ["a program that starts it", `timeout 50 ${ssh}`, "timeout (through ssh)", "ssh ← timeout"],
  ])("names %s, and none above the terminal's shell", async (_, typed, who, line) => {
    const [here, watching] = [1, 2].map(() => new Terminal(lab.environment, lab.folder));
    if (!here || !watching) throw new Error("no terminal");
    try {
      here.enter(typed);
      const [question] = await lab.pending();
      const { stdout } = await lab.muxguard("pending");
      const lines = stdout.split("\n").map((text) => text.trim());
      expect(lines[1]).toBe(`${who} wants to log in to alpha.example as ${user} with key "work"`);
      expect(stdout).toContain(`on this host, by ${line}, at this terminal\n`);
      expect(stdout).toMatch(/asked by: ssh \(pid \d+\), started by .*bash ← tmux\n/); // the whole line
      watching.enter(`'${process.execPath}' '${MUXGUARD}' watch`);
      await watching.shows(`asked by: ${line}, at ${question?.caller.tty}\n`);
      await lab.muxguard("deny", question?.id ?? "");
      await here.shows(/muxguard: denied: /);
      await lab.muxguard("forget", "--all");
    } finally {
      for (const terminal of [here, watching]) terminal.close();
    }
  });
});
