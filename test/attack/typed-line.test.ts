/**
 * A rule that was made at a prompt counts for what a person types at a terminal, or starts there as a shell
 * script. No other program that calls ssh gets anything by it, whatever it does to look like a shell.
 */
import { copyFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Lab, until } from "../../lab/lab.ts";
import { PYTHON } from "../../lab/programs.ts";
import { Terminal } from "../../lab/terminal/terminal.ts";
import { describeWith } from "../peer/tools.ts";

describeWith(["ssh", "sshd", "tmux", "python"], "a rule that was made at a prompt", () => {
  const lab = new Lab();
  const key = lab.key("work");
  const out = lab.path("out");
  const terminals: Terminal[] = [];
  let ssh: string;

  const terminal = (): Terminal => {
    const made = new Terminal({ ...lab.environment, SSH_AUTH_SOCK: lab.agentSocket }, lab.folder);
    terminals.push(made);
    return made;
  };

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", key);
    await lab.startServer("alpha.example", key);
    lab.config('approvers = ["queue"]\ntimeout = "20s"\n');
    await lab.startDaemon();
    ssh = `ssh -F ${lab.sshConfig} alpha.example true`;
    terminal().enter(ssh);
    const [question] = await lab.pending();
    await lab.muxguard("approve", question?.id ?? "", "--always");
    const approved = lab.path("config/muxguard/approved.toml");
    await until(() => existsSync(approved), "the rule");
    expect(readFileSync(approved, "utf8")).toMatch(/^programs = \["[^"]*\/ssh"\]$/m);
    lab.script("deploy.sh", `#!/bin/bash\n${ssh}\necho $? > ${out}.new; mv ${out}.new ${out}\n`);
  }, 120_000);
  afterAll(() => {
    for (const one of terminals) one.close();
    return lab.close();
  });

  /** Types it at a new terminal; how the last entry of the log decided. It writes to `out` when it is over. */
  const decided = async (line: string): Promise<{ by: string; decision: string } | undefined> => {
    rmSync(out, { force: true });
    const before = lab.log().length;
    terminal().enter(line);
    const asked = async (): Promise<boolean> => {
      const { stdout } = await lab.muxguard("pending", "--json");
      const [, id] = /"id":"(\w+)"/.exec(stdout) ?? [];
      if (id !== undefined) await lab.muxguard("deny", id);
      return lab.log().length > before;
    };
    await until(asked, line, 60_000, 250);
    return lab.log()[before];
  };

  const allowed: [string, () => string][] = [
    ["at another terminal", () => ssh],
    ["in a script that is started there", () => `bash ${lab.path("deploy.sh")}`],
  ];
  it.each(allowed)(
    "counts %s",
    async (_, line) => {
      expect(await decided(line())).toMatchObject({
        decision: "allow",
        by: expect.stringMatching(/^rule:always: /),
      });
    },
    120_000,
  );

  const attacks: [string, () => string][] = [
    ["another program that calls ssh", () => `${PYTHON} -c 'import os; os.system("${ssh}; true")'`],
    [
      "a program that calls a script",
      () => `${PYTHON} -c 'import os; os.system("bash ${lab.path("deploy.sh")}; true")'`,
    ],
    [
      "a shell that is not root's",
      () => {
        copyFileSync("/bin/bash", lab.path("bash"));
        return `chmod +x ./bash; ./bash ${lab.path("deploy.sh")}`;
      },
    ],
    [
      "another program that is called like a shell",
      () => {
        copyFileSync(PYTHON, lab.path("sh"));
        return `chmod +x ./sh; ./sh -c 'import os; os.system("${ssh}; true")'`;
      },
    ],
    [
      "a program that makes a terminal, with the system's shell on it, and types there",
      () =>
        `${PYTHON} -c 'import pty,os,time; p,f=pty.fork(); p or os.execv("/bin/bash",["bash","--norc"]); os.write(f,b"${ssh}\\n"); time.sleep(30)'`,
    ],
    [
      "the same by script(1), away from what started it",
      () =>
        `(setsid sh -c '(echo "${ssh}"; sleep 30) | script -qc "bash --norc" /dev/null' >/dev/null 2>&1 &)`,
    ],
  ];
  it.each(attacks)(
    "gives nothing to %s",
    async (_, line) => {
      expect(await decided(line())).toMatchObject({ decision: "deny", by: "approver:queue" });
      await lab.muxguard("forget", "--all");
    },
    120_000,
  );
});
