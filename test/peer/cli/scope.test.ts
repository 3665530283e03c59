/** `muxguard run --scope NAME` with a `[scope.NAME]` in config.toml: alone, and where a daemon runs. */
import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Lab } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";

describeWith(["ssh"], "muxguard run --scope", () => {
  const lab = new Lab();
  beforeAll(async () => {
    await lab.startAgent("upstream.sock", lab.key("work"));
    lab.policy('default = "deny"\n');
    lab.config('[scope.claude]\npolicy = "claude.toml"\n[scope.hides]\nhide = "~/secret"\n');
    const own = { mode: 0o600 };
    writeFileSync(lab.path("config/muxguard/claude.toml"), 'default = "allow"\n', own);
    writeFileSync(lab.path("none.toml"), 'default = "deny"\n', own);
  });
  afterAll(() => lab.close());

  describe.each([["alone"], ["where a daemon runs"]])("%s", (where) => {
    beforeAll(async () => {
      if (where !== "alone") await lab.startDaemon();
    });
    const list = async (...options: string[]): Promise<string> =>
      (await lab.muxguard("run", ...options, "--", "ssh-add", "-L")).stdout;

    it("decides by the policy of its scope, unless --policy names another", async () => {
      expect(await list("--scope", "claude")).toContain("ssh-ed25519 ");
      expect(await list("--scope", "other")).not.toContain("ssh-ed25519 ");
      expect(await list()).not.toContain("ssh-ed25519 ");
      expect(await list("--scope", "claude", "--policy", lab.path("none.toml"))).not.toContain(
        "ssh-ed25519 ",
      );
    });

    it("says that a name is nearly that of a scope, and runs", async () => {
      const { code, stderr } = await lab.muxguard("run", "--scope", "cluade", "--", "true");
      expect(code).toBe(0);
      expect(stderr).toBe("muxguard: config.toml has no scope cluade; did you mean [scope.claude]?\n");
    });

    it("does not start what nobody confines with a scope that hides; with --no-confine it says so", async () => {
      const refused = await lab.muxguard("run", "--scope", "hides", "--", "echo", "in");
      expect(refused).toMatchObject({ code: 78, stdout: "" });
      expect(refused.stderr).toMatch(/^muxguard: config\.toml: \[scope\.hides\] has hide, .*--confine\n$/);
      const runs = await lab.muxguard("run", "--scope", "hides", "--no-confine", "--", "echo", "in");
      expect(runs).toMatchObject({ code: 0, stdout: "in\n" });
      // once a day
      if (where === "alone") expect(runs.stderr).toMatch(/^muxguard: not confined: .* hide does not hold\n$/);
    });
  });

  it("does not start by a scope with a mistake, and says where it is", async () => {
    lab.config("[scope.claude]\nconfin = true\n");
    const { code, stdout, stderr } = await lab.muxguard("run", "--scope", "claude", "--", "echo", "in");
    expect([code, stdout]).toEqual([78, ""]);
    expect(stderr).toMatch(/config\.toml:3:1: unknown field "confin"; did you mean "confine"\?\n$/);
  });

  it("is wrong usage without a command, unless it only shows what a confined one sees", async () => {
    lab.config("");
    const none = await lab.muxguard("run", "--scope", "claude");
    expect(none).toMatchObject({ code: 64, stderr: "error: missing required argument 'command'\n" });
    const shown = await lab.muxguard("run", "--show");
    expect(shown).toMatchObject({ code: 64, stderr: expect.stringContaining("say --confine too") });
  });
});
