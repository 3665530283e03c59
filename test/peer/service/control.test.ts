/** `muxguard daemon stop`, `restart` and `reload`, and config.toml while the daemon runs. */
import { type ChildProcess, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { ended, Lab, MUXGUARD, type Result, stderrOf, until } from "../../../lab/lab.ts";
import { HOST } from "../../../lab/mux-lab.ts";
import { OpenLab } from "../../../lab/open-lab.ts";
import { ALLOW as ALLOWED, opened, QUEUE } from "../opened.ts";
import { describeWith } from "../tools.ts";

const ALLOW = 'default = "allow"\n';
const INSIDE = /refused: this process is inside of a muxguard run/;

describeWith(["ssh"], "muxguard daemon", () => {
  const lab = new Lab();
  const key = lab.key("work");
  let daemon: ChildProcess;

  beforeAll(async () => {
    await lab.startAgent("other.sock");
    await lab.startAgent("upstream.sock", key);
    lab.policy(ALLOW);
  });
  afterEach(async () => {
    daemon.kill("SIGTERM");
    await ended(daemon);
    lab.config("");
    lab.policy(ALLOW);
  });
  afterAll(() => lab.close());

  async function start(config = ""): Promise<() => string> {
    lab.config(config);
    daemon = await lab.startDaemon();
    return stderrOf(daemon);
  }

  const control = (what: string): Promise<Result> => lab.muxguard("daemon", what);
  const status = async (): Promise<string> => (await lab.muxguard("status")).stdout;
  const keys = (): Promise<Result> =>
    lab.run("ssh-add", ["-l"], { environment: { SSH_AUTH_SOCK: lab.agentSocket } });

  /** Is asked about; none but the denial is waited for here. */
  const request = (): Promise<Result> =>
    lab.run("ssh-add", ["-D"], { environment: { SSH_AUTH_SOCK: lab.agentSocket } });

  it("ends when it is told to, and is gone when that is said", async () => {
    await start();
    expect(await control("stop")).toMatchObject({
      code: 0,
      stderr: "",
      stdout: `stopped (pid ${daemon.pid})\n`,
    });
    expect(existsSync(`/proc/${daemon.pid}/exe`)).toBe(false);
    expect([lab.agentSocket, lab.daemonSocket].filter(existsSync)).toEqual([]);
    await ended(daemon);
    expect(daemon.exitCode).toBe(0);
    expect(lab.log().at(-1)).toMatchObject({ operation: "stop-guard", decision: "allow" });
    for (const what of ["stop", "restart", "reload"])
      expect(await control(what)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("no daemon runs"),
      });
  });

  it("says how it is started again in a shell that no longer knows the agent behind it", async () => {
    await start();
    const shell = { environment: { SSH_AUTH_SOCK: lab.agentSocket } };
    const program = `'${process.execPath}' '${MUXGUARD}'`;
    const { stdout } = await lab.run("sh", ["-c", `${program} daemon stop`], shell);
    const [line = ""] = /SSH_AUTH_SOCK=\S+ muxguard daemon$/m.exec(stdout) ?? [];
    const again = await lab.run("sh", ["-c", line.replace("muxguard", program)], shell);
    expect(again).toMatchObject({ code: 0 });
    expect((await keys()).stdout).toContain("work");
    expect(await control("stop")).toMatchObject({ code: 0 });
  });

  it("says what ends with it: answers, questions and runs", async () => {
    await start('approvers = ["queue"]\n');
    lab.policy('default = "ask"\n');
    const { child } = await lab.holdRun();
    const asking = request();
    await lab.pending();
    const { stdout } = await control("stop");
    expect(stdout).toContain("; 1 question denied; 1 run cut off from the keys\n");
    expect((await asking).code).not.toBe(0);
    child.kill();
    await ended(child);
  });

  it("starts anew as the same process, with the options and the environment that it had", async () => {
    const stderr = await start();
    const upstream = lab.environment.SSH_AUTH_SOCK ?? "";
    lab.environment.SSH_AUTH_SOCK = lab.path("nowhere.sock");
    try {
      expect(await control("restart")).toMatchObject({
        code: 0,
        stdout: `started anew (pid ${daemon.pid})\n`,
      });
      expect(await status()).toContain(`keys in    ${upstream}\n`);
      expect((await keys()).stdout).toContain("work");
      lab.policy('default = "deny"\n');
      await request();
      expect(stderr()).toContain("muxguard: denied: "); // it is in the foreground, and has its stderr
      await control("stop");
      await ended(daemon);
    } finally {
      lab.environment.SSH_AUTH_SOCK = upstream;
    }
  });

  it("starts anew with the agent to which it was pointed", async () => {
    await start();
    await lab.muxguard("upstream", lab.path("other.sock"));
    await control("restart");
    expect(await status()).toContain(`keys in    ${lab.path("other.sock")}\n`);
    expect((await keys()).stdout).toContain("no identities");
  });

  it("does not end to start anew with settings that can't be used", async () => {
    await start();
    lab.config('timeot = "1s"\n');
    const { code, stderr } = await control("restart");
    expect(code).toBe(1);
    expect(stderr).toMatch(/it goes on, as its settings can't be used: .*config\.toml:2:1: .*"timeout"/);
    lab.config("");
    lab.policy("default = deny\n");
    expect((await control("restart")).stderr).toContain("policy.toml:1:11: ");
    expect(await status()).toContain(`pid ${daemon.pid}`);
    expect((await keys()).stdout).toContain("work");
  });

  it("reads its settings anew when it is told to: all mistakes, with exit code 78, and keeps the old ones", async () => {
    await start();
    lab.config('timeot = "1s"\n');
    lab.policy("default = deny\n");
    const broken = await control("reload");
    expect(broken.code).toBe(78);
    expect(broken.stderr).toContain("config.toml:2:1: unknown field");
    expect(broken.stderr).toContain("policy.toml:1:11: ");
    expect((await keys()).stdout).toContain("work");
    lab.policy('default = "deny"\n');
    lab.config('approvers = ["queue"]\n');
    const read = await control("reload");
    expect(read).toMatchObject({ code: 0, stderr: "" });
    expect(read.stdout).toContain("after muxguard daemon restart: approvers");
    expect((await keys()).code).not.toBe(0);
  });

  it("goes by a changed config.toml at once, and by none that is broken", async () => {
    const stderr = await start('approvers = ["queue"]\ntimeout = "50s"\n');
    lab.policy('default = "ask"\n');
    const timeout = async (): Promise<number | undefined> => {
      const asking = request();
      const [question] = await lab.pending();
      await lab.muxguard("deny");
      await asking;
      return question?.timeout;
    };
    expect(await timeout()).toBe(50_000);
    lab.config('approvers = ["queue"]\ntimeout = "40s"\n');
    await until(() => stderr().includes("config.toml is read anew: timeout\n"), "the change");
    expect(await timeout()).toBe(40_000);
    lab.config('approvers = ["queue"]\ntimeout = 30\n');
    await until(async () => (await status()).includes("config.toml is broken"), "the mistake to be told");
    expect(await timeout()).toBe(40_000);
  });

  it("is stopped, started anew and reloaded by nothing inside of a run", async () => {
    await start();
    for (const [what, operation] of [
      ["stop", "stop-guard"],
      ["restart", "restart-guard"],
      ["reload", "reload"],
    ] as const) {
      const { result, events } = await lab.logged(() =>
        lab.muxguard("run", "--", process.execPath, MUXGUARD, "daemon", what),
      );
      expect(result).toMatchObject({ code: 1, stderr: expect.stringMatching(INSIDE) });
      expect(events).toMatchObject([{ operation, decision: "deny", by: "fault:inside" }]);
      expect(daemon.exitCode).toBe(null);
    }
    expect(await status()).toContain(`pid ${daemon.pid}`);
  });
});

describeWith(["ssh", "bwrap"], "a confined run", () => {
  const lab = new Lab();
  afterAll(() => lab.close());

  it("has no daemon that it could stop", async () => {
    lab.policy(ALLOW);
    await lab.startAgent();
    const daemon = await lab.startDaemon();
    const inside = ["run", "--confine", "--", process.execPath, MUXGUARD, "daemon", "stop"];
    const { code, stderr } = await lab.muxguard(...inside);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/no daemon runs|refused|read-only/);
    expect((await lab.muxguard("status")).stdout).toContain(`pid ${daemon.pid}`);
  });
});

describeWith(["ssh", "sshd"], "the daemon's connections", () => {
  const lab = opened(new OpenLab(), ALLOWED, QUEUE);

  it("end with it, in order, and leave no process behind", async () => {
    expect((await lab.muxguard("open", HOST)).code).toBe(0);
    const { stdout } = await lab.muxguard("daemon", "restart");
    expect(stdout).toContain("; 1 connection closed");
    await until(() => lab.masters().length === 0, "the end of the master");
    expect(existsSync(lab.controlPath())).toBe(false);
    const children = spawnSync("ps", ["-o", "stat=", "--ppid", String(lab.daemon?.pid)], {
      encoding: "utf8",
    });
    expect(children.stdout).not.toContain("Z");
    expect((await lab.muxguard("open", HOST)).code).toBe(0);
    expect(await lab.ssh(HOST, "echo in")).toMatchObject({ code: 0, stdout: "in\n" });
    expect((await lab.muxguard("daemon", "stop")).stdout).toContain("; 1 connection closed");
  });
});
