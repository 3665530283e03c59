/** A mistake in the settings of a daemon that runs: whoever made it hears of it, and what that means. */
import type { ChildProcess } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ended, Lab, stderrOf, until } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";

const ALLOW = '[[rule]]\nname = "all"\naction = "allow"\n';
const BROKEN = '[[rule]]\naction = "dney"\n';

describeWith(["ssh"], "a daemon's policy with a mistake", () => {
  const lab = new Lab();
  let daemon: ChildProcess;
  let stderr: () => string;

  beforeAll(() => lab.startAgent("upstream.sock", lab.key("work")));
  afterEach(async () => {
    daemon.kill("SIGTERM");
    await ended(daemon);
    for (const name of ["policy.toml", "policy.d"])
      rmSync(lab.path(`config/muxguard/${name}`), { recursive: true, force: true });
  });
  afterAll(() => lab.close());

  async function start(config = ""): Promise<void> {
    lab.config(config);
    lab.policy(ALLOW);
    daemon = await lab.startDaemon();
    stderr = stderrOf(daemon);
  }

  const status = async () => (await lab.muxguard("status")).stdout;
  const isTold = () =>
    until(async () => (await status()).includes("broken"), "status to tell of the mistake");
  const list = () => lab.run("ssh-add", ["-D"], { environment: { SSH_AUTH_SOCK: lab.agentSocket } });

  it("is told of before anything is asked for: in status, pending, the log, on stderr and to runs", async () => {
    await start();
    const { child } = await lab.holdRun("--scope", "held");
    const heard = stderrOf(child);
    lab.policy(BROKEN);
    await isTold();
    expect(await status()).toMatch(/^wrong +the policy is broken since \d\d:\d\d, .*policy\.toml:2/m);
    expect((await lab.muxguard("pending")).stderr).toMatch(/^muxguard: the policy is broken since .*dney/);
    await until(() => heard().includes("the policy is broken"), "the run to be told");
    expect(stderr().match(/the policy is broken/g)).toHaveLength(1);
    lab.policy(ALLOW);
    await until(async () => !(await status()).includes("wrong"), "the end of it");
    child.kill();
    expect(lab.log().filter(({ kind }) => kind === "admin")).toMatchObject([
      { operation: "policy-broken", decision: "deny", reason: expect.stringContaining("dney") },
      { operation: "policy-mended", decision: "allow" },
    ]);
    expect((await lab.muxguard("log")).stdout).toMatch(/a mistake in the policy \(.*dney.*\): muxguard\n/);
  });

  it("is noticed behind a link, and in a folder that was not there when the daemon started", async () => {
    await start();
    mkdirSync(lab.path("config/muxguard/policy.d"));
    writeFileSync(lab.path("config/muxguard/policy.d/a.toml"), BROKEN, { mode: 0o600 });
    await isTold();
    rmSync(lab.path("config/muxguard/policy.d"), { recursive: true });
    await until(async () => !(await status()).includes("wrong"), "the end of it");
    mkdirSync(lab.path("dotfiles"), { recursive: true });
    writeFileSync(lab.path("dotfiles/policy.toml"), ALLOW, { mode: 0o600 });
    rmSync(lab.path("config/muxguard/policy.toml"));
    symlinkSync(lab.path("dotfiles/policy.toml"), lab.path("config/muxguard/policy.toml"));
    expect((await list()).code).toBe(0);
    writeFileSync(lab.path("dotfiles/policy.toml"), BROKEN);
    await isTold();
  });

  it("leaves the old one in force, and is said with each denial", async () => {
    await start();
    lab.policy(`${ALLOW.replace("allow", "deny")}`);
    expect((await list()).code).toBe(1);
    lab.policy(BROKEN);
    const { events } = await lab.logged(list);
    expect(events.filter(({ kind }) => kind === "admin" && events.length > 0).at(-1)).toMatchObject({
      decision: "deny",
      by: "rule:all",
      reason: expect.stringMatching(/^the policy is broken since .*: muxguard policy check$/),
    });
    expect(stderr()).toMatch(/muxguard: denied: .*\(rule "all"; the policy is broken since .*policy check\)/);
  });

  it("asks about what the old one allows, once it was not mended for broken_policy_after", async () => {
    await start('broken_policy_after = "1s"\napprovers = ["queue"]\n');
    expect((await list()).code).toBe(0);
    lab.policy(BROKEN);
    await isTold();
    await new Promise((resolve) => setTimeout(resolve, 1000)); // it is what is tried
    const asking = list();
    const [question] = await lab.pending();
    expect(question?.because).toBe("broken:rule:all");
    expect((await lab.muxguard("pending")).stdout).toContain(
      'because: the policy is broken (muxguard policy check), the old one allows: rule "all"',
    );
    await lab.muxguard("deny", question?.id ?? "");
    expect((await asking).code).toBe(1);
    lab.policy(ALLOW);
    expect((await list()).code).toBe(0);
  });

  it("does not end the daemon's config.toml either: what it goes by, status says", async () => {
    await start('remember = "5m"\n');
    lab.config('rememer = "5m"\n');
    await until(async () => (await status()).includes("config.toml is broken"), "the mistake to be told");
    lab.config('remember = "5m"\naskpass = "/bin/true"\n');
    await until(async () => (await status()).includes("muxguard daemon restart"), "the change");
    lab.config('# as it was\nremember = "5m"\n');
    await until(async () => !(await status()).includes("wrong"), "the end of it");
  });
});

describe("a setting that can't take effect", () => {
  const lab = new Lab();
  afterAll(() => lab.close());

  it.each([
    ["ssh_config", "/nowhere/config", "ssh_config: there is no file /nowhere/config"],
    ["askpass", "no-such-askpass", "askpass: there is no program no-such-askpass"],
    ["approvers", "command", "approvers: command reaches nobody: no command is set in config.toml"],
    ["control_dirs", "/proc/nowhere", "control_dirs: /proc/nowhere is no folder; mkdir -m 700 /proc/nowhere"],
  ])("is told at the start, and in status: %s", async (setting, value, said) => {
    writeFileSync(lab.path("config/muxguard/config.toml"), `${setting} = "${value}"\n`, { mode: 0o600 });
    const daemon = await lab.startDaemon();
    const stderr = stderrOf(daemon);
    try {
      expect((await lab.muxguard("status")).stdout).toContain(`wrong      config.toml: ${said}\n`);
      await until(() => stderr().includes(`muxguard: config.toml: ${said}\n`), "the daemon to tell of it");
    } finally {
      daemon.kill("SIGTERM");
      await ended(daemon);
    }
  });
});
