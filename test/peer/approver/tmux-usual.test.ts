/** tmux without a word in config.toml: where the user, or who asks, is in it. */
import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Lab, until } from "../../../lab/lab.ts";
import { Terminal } from "../../../lab/terminal/terminal.ts";
import { TmuxServer } from "../../../lab/terminal/tmux-server.ts";
import { describeWith } from "../tools.ts";

describeWith(["ssh", "sshd", "tmux"], "a question under a daemon with the usual settings", () => {
  const lab = new Lab();
  const key = lab.key("work");
  const ssh = `ssh -F ${lab.sshConfig} alpha.example`;

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", key);
    await lab.startServer("alpha.example", key);
    await lab.startDaemon();
    lab.environment.SSH_AUTH_SOCK = lab.agentSocket;
  });
  afterAll(() => lab.close());

  it("is put to nobody before there is a tmux, and env says so", async () => {
    expect((await lab.muxguard("env", "-s")).stderr).toContain("no tmux server");
  });

  it("pops up where the user is in tmux", async () => {
    const server = new TmuxServer(lab);
    try {
      const screen = await server.attach();
      expect((await lab.muxguard("env", "-s")).stderr).toBe("");
      const result = lab.run("sh", ["-c", `${ssh} true; echo $?`]);
      await screen.isAsked();
      screen.press("Enter");
      expect((await result).stdout).toBe("255\n");
      expect(lab.log().at(-1)).toMatchObject({ decision: "deny", by: "approver:tmux" });
      await lab.muxguard("forget", "--all");
    } finally {
      server.close();
    }
  });

  it("pops up in the tmux that ssh was started in, which the daemon knows nothing of", async () => {
    const tmux = (...args: string[]): string =>
      execFileSync("tmux", ["-S", lab.path("mine"), ...args], { env: lab.environment, encoding: "utf8" });
    tmux("-f", "/dev/null", "new-session", "-d", "env PS1='$ ' sh");
    const attach = `env -u TMUX tmux -S ${lab.path("mine")} attach`;
    const screen = new Terminal(lab.environment, lab.folder, attach, 120, 40);
    try {
      await until(() => tmux("list-clients") !== "", "the client");
      screen.enter(`${ssh} true; echo code $?`);
      await screen.isAsked();
      screen.press("Enter");
      await screen.shows("code 255");
      expect(lab.log().at(-1)).toMatchObject({ decision: "deny", by: "approver:tmux" });
    } finally {
      screen.close();
      tmux("kill-server");
    }
  });
});
