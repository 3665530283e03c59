/** Real git, over a real ssh and sshd: a rule on who asks as well as on where to. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { basename } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Lab, MUXGUARD, type Result } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";

const user = userInfo().username;

describeWith(["ssh", "sshd", "git"], "git over ssh through the guard", () => {
  const lab = new Lab();
  const key = lab.key("git@laptop");
  beforeAll(async () => {
    await lab.startAgent("upstream.sock", key);
    await lab.startServer("forge.example", key);
    writeFileSync(lab.path("gitconfig"), "[user]\nname = Me\nemail = me@example\n");
  });
  afterAll(() => lab.close());

  it("pushes and fetches under a rule on host, user and caller, and nothing but git may", async () => {
    const rule = `host = "forge.example"\nuser = "${user}"\ncaller = "git"\naction = "allow"\n`;
    lab.policy(`default = "deny"\n[[rule]]\nname = "the forge"\n${rule}`);
    const environment = {
      GIT_CONFIG_GLOBAL: lab.path("gitconfig"),
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_SSH_COMMAND: `ssh -F ${lab.sshConfig}`,
    };
    const git = (...args: string[]): string =>
      execFileSync("git", args, {
        cwd: lab.folder,
        env: { ...lab.environment, ...environment },
        encoding: "utf8",
      });
    git("init", "-q", "--bare", "store.git");
    git("init", "-q", "-b", "main", "work");
    git("-C", "work", "commit", "-q", "--allow-empty", "-m", "first");
    git("init", "-q", "copy");
    for (const project of ["work", "copy"])
      git("-C", project, "remote", "add", "origin", `forge.example:${lab.path("store.git")}`);
    const guarded = (...args: string[]): Promise<Result> =>
      lab.run(process.execPath, [MUXGUARD, "run", "--", "git", ...args], { environment });

    for (const args of [
      ["-C", "work", "push", "-q", "origin", "main"],
      ["-C", "copy", "fetch", "-q", "origin"],
    ]) {
      const { result, events } = await lab.logged(() => guarded(...args));
      expect(result, result.stderr).toMatchObject({ code: 0 });
      expect(events).toMatchObject([
        { by: "rule:the forge", host: "forge.example", verified: true, user, caller: { scope: "git" } },
      ]);
      expect(events[0]?.caller?.exe).toMatch(/\/ssh$/);
      expect(events[0]?.caller?.ancestors.map((path) => basename(path))).toContain("git");
    }
    expect(git("-C", "store.git", "log", "--format=%s", "main")).toBe("first\n");
    expect(git("-C", "copy", "log", "--format=%s", "origin/main")).toBe("first\n");

    const { result, events } = await lab.logged(() => lab.guardedSsh("forge.example", "true"));
    expect(result.code).toBe(255);
    expect(events).toMatchObject([{ decision: "deny", by: "default", host: "forge.example" }]);
  });
});
