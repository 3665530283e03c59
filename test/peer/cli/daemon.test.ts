/** `muxguard daemon` with what belongs to it: its sockets, its settings while it runs, `env` and `status`. */
import { type ChildProcess, execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ended, Lab, MUXGUARD, type Result, stderrOf, until } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";

const rule = (name: string, action: string, more = "") =>
  `[[rule]]\nname = "${name}"\naction = "${action}"\n${more}`;

/** The laboratory has no desktop, no tmux and no askpass program. */
const UNREACHED = expect.stringMatching(
  /^muxguard: outside of muxguard run nobody is asked on a screen, and the only way to answer is muxguard approve or muxguard watch: no session bus for notifications; no tmux server; SSH_ASKPASS is not set\n$/,
);

describeWith(["ssh"], "muxguard daemon", () => {
  const lab = new Lab();
  const started: ChildProcess[] = [];

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", lab.key("work"));
  });
  afterEach(async () => {
    for (const child of started) child.kill("SIGTERM");
    await Promise.all(started.splice(0).map(ended));
    lab.config("");
    for (const name of ["policy.toml", "policy.d", "approved.toml"])
      rmSync(lab.path(`config/muxguard/${name}`), { recursive: true, force: true });
  });
  afterAll(() => lab.close());

  async function foreground(): Promise<{ child: ChildProcess; stderr: () => string }> {
    const child = await lab.startDaemon();
    started.push(child);
    return { child, stderr: stderrOf(child) };
  }

  async function pid(environment: NodeJS.ProcessEnv = {}): Promise<number> {
    const { stdout } = await lab.run(process.execPath, [MUXGUARD, "status"], { environment });
    return Number(/pid (\d+)/.exec(stdout)?.[1]);
  }

  /** Ends a daemon that is nobody's child. */
  async function end(pid: number): Promise<void> {
    process.kill(pid);
    await until(() => !existsSync(`/proc/${pid}`), "the end of the daemon");
  }

  /** A request to the daemon: removes all keys from the agent. */
  function request(): Promise<Result> {
    return lab.run("ssh-add", ["-D"], { environment: { SSH_AUTH_SOCK: lab.agentSocket } });
  }

  async function decision(): Promise<string | undefined> {
    const { events } = await lab.logged(request);
    const decided = events.filter(({ by }) => by !== "fault:muxguard"); // a broken policy has its own entry
    return decided.map(({ decision, by }) => `${decision} ${by}`).join();
  }

  it("goes to the background: it returns once it serves, and holds none of its caller's pipes", async () => {
    lab.policy('default = "deny"\n');
    expect(await lab.muxguard("daemon")).toEqual({ code: 0, signal: null, stdout: "", stderr: UNREACHED });
    const daemon = await pid();
    expect(await decision()).toBe("deny default");
    expect(await pid()).toBe(daemon);
    await end(daemon);
  });

  it("says what is wrong when it goes to the background in vain", async () => {
    lab.policy("default = deny\n");
    const result = await lab.muxguard("daemon");
    expect(result).toMatchObject({ code: 78, stdout: "" });
    expect(result.stderr).toContain("policy.toml:1:11: ");
    expect(existsSync(lab.daemonSocket)).toBe(false);
  });

  it.each(["agentSocket", "daemonSocket"] as const)(
    "leaves a file alone that is in the way: %s",
    async (socket) => {
      mkdirSync(dirname(lab[socket]), { recursive: true, mode: 0o700 });
      writeFileSync(lab[socket], "");
      for (const options of [[], ["--foreground"]]) {
        const result = await lab.muxguard("daemon", ...options);
        expect(result).toMatchObject({
          code: 1,
          stderr: `muxguard: ${lab[socket]} is in the way, and is no socket\n`,
        });
      }
      rmSync(lab[socket]);
      expect([lab.daemonSocket, lab.agentSocket].filter(existsSync)).toEqual([]);
    },
  );

  it("is one for each user: a second one refuses", async () => {
    await foreground();
    for (const options of [[], ["--foreground"]]) {
      const result = await lab.muxguard("daemon", ...options);
      expect(result).toMatchObject({
        code: 1,
        stderr: "muxguard: a daemon runs already (muxguard status)\n",
      });
    }
  });

  it("has sockets of mode 0600 in a folder of mode 0700", async () => {
    await foreground();
    const mode = (path: string) => statSync(path).mode & 0o777;
    expect(mode(dirname(lab.agentSocket))).toBe(0o700);
    expect([mode(lab.agentSocket), mode(lab.daemonSocket)]).toEqual([0o600, 0o600]);
  });

  it.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)("removes its sockets on %s", async (signal) => {
    const { child } = await foreground();
    child.kill(signal);
    await ended(child);
    expect(child.exitCode).toBe(0);
    expect([lab.daemonSocket, lab.agentSocket].filter(existsSync)).toEqual([]);
  });

  it("takes the place of one that was killed", async () => {
    const { child } = await foreground();
    child.kill("SIGKILL");
    await ended(child);
    expect(existsSync(lab.daemonSocket)).toBe(true);
    await foreground();
    expect(await pid()).toBe(started.at(-1)?.pid);
    lab.policy('default = "deny"\n');
    expect(await decision()).toBe("deny default");
  });

  it("refuses to be its own upstream agent", async () => {
    const before = lab.environment.SSH_AUTH_SOCK;
    lab.environment.SSH_AUTH_SOCK = lab.agentSocket;
    const result = await lab.muxguard("daemon");
    if (before !== undefined) lab.environment.SSH_AUTH_SOCK = before;
    expect(result).toMatchObject({
      code: 1,
      stderr: `muxguard: the upstream agent ${lab.agentSocket} is muxguard's own socket; set upstream_agent in config.toml\n`,
    });
    expect(existsSync(lab.daemonSocket)).toBe(false);
  });

  it("tells of denials on stderr in the foreground", async () => {
    lab.policy(rule("nobody", "deny"));
    const { stderr } = await foreground();
    await request();
    await until(() => stderr().includes("denied:"), "the denial");
    expect(stderr()).toMatch(/^muxguard: denied: remove all keys from the agent \(rule "nobody"\)\n$/m);
  });

  it("goes by the policy as it is at each request", async () => {
    lab.policy(rule("first", "deny"));
    await foreground();
    expect(await decision()).toBe("deny rule:first");
    lab.policy(rule("other", "deny"));
    expect(await decision()).toBe("deny rule:other");
    rmSync(lab.path("config/muxguard/policy.toml"));
    mkdirSync(lab.path("config/muxguard/policy.d"));
    writeFileSync(lab.path("config/muxguard/policy.d/a.toml"), rule("dropped in", "deny"), { mode: 0o600 });
    expect(await decision()).toBe("deny rule:dropped in");
  });

  it("keeps the policy that it has when the new one is broken, and says so once", async () => {
    const policy = lab.path("config/muxguard/policy.toml");
    lab.policy(rule("first", "deny"));
    const { stderr } = await foreground();
    lab.policy('[[rule]]\nname = "all"\n\naction = "permit"\n');
    for (let count = 0; count < 3; count++) expect(await decision()).toBe("deny rule:first");
    const told = stderr()
      .split("\n")
      .filter((line) => line.includes("policy.toml"));
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(new RegExp(`^muxguard: the policy is broken since .*: ${policy}:4:10: `));
    lab.policy(rule("mended", "deny"));
    expect(await decision()).toBe("deny rule:mended");
  });

  it("keeps the policy that it has when others may write to the new one", async () => {
    const policy = lab.path("config/muxguard/policy.toml");
    lab.policy(rule("first", "deny"));
    const { stderr } = await foreground();
    writeFileSync(`${policy}.new`, rule("theirs", "allow"));
    chmodSync(`${policy}.new`, 0o622);
    renameSync(`${policy}.new`, policy);
    expect(await decision()).toBe("deny rule:first");
    expect(stderr()).toContain("others may write to it");
  });

  it("reads policy.toml first, and policy.d in the order of its names", async () => {
    mkdirSync(lab.path("config/muxguard/policy.d"));
    const file = (name: string, text: string) =>
      writeFileSync(lab.path(`config/muxguard/policy.d/${name}`), text, { mode: 0o600 });
    lab.policy(rule("main", "deny", 'namespace = "file"\n'));
    file("20-later.toml", rule("later", "deny"));
    file("10-sooner.toml", `default = "deny"\n${rule("sooner", "deny", 'operation = ["lock"]\n')}`);
    file("05-ignored.txt", rule("ignored", "deny"));
    await foreground();
    expect(await decision()).toBe("deny rule:later");
    rmSync(lab.path("config/muxguard/policy.d/20-later.toml"));
    expect(await decision()).toBe("deny default");
    file("15-sooner.toml", '[[rule]]\naction = "deny"\n');
    file("20-later.toml", rule("later", "deny"));
    expect(await decision()).toBe("deny rule:15-sooner.toml#1");
  });

  it("lets approved.toml answer a question, and never a denial", async () => {
    writeFileSync(lab.path("config/muxguard/approved.toml"), rule("always", "allow"), { mode: 0o600 });
    lab.policy(rule("ask", "ask"));
    await foreground();
    expect(await decision()).toBe("allow rule:always");
    lab.policy(rule("no", "deny"));
    expect(await decision()).toBe("deny rule:no");
    lab.policy(rule("every time", "ask", 'remember = "never"\ntimeout = "1s"\n'));
    expect(await decision()).toBe("deny fault:timeout");
  });

  describe("with env", () => {
    const shells: [string, string, string[], string][] = [
      ["sh", "-s", ["-c"], 'eval "$(muxguard env -s)"; sh -c \'echo "$SSH_AUTH_SOCK"\''],
      ["csh", "-c", ["-f", "-c"], "eval `muxguard env -c`; sh -c 'echo \"$SSH_AUTH_SOCK\"'"],
      ["fish", "-f", ["-N", "-c"], "eval (muxguard env -f); sh -c 'echo \"$SSH_AUTH_SOCK\"'"],
    ];

    it.each(shells.filter(([shell]) => isThere(shell)))(
      "sets SSH_AUTH_SOCK in %s, whatever is in the path",
      async (shell, _, options, script) => {
        const runtime = lab.path("it's $HOME");
        mkdirSync(runtime, { recursive: true, mode: 0o700 });
        const bin = `#!/bin/sh\nexec '${process.execPath}' '${MUXGUARD}' "$@"\n`;
        const PATH = `${dirname(lab.script("muxguard", bin))}:${process.env.PATH}`;
        const environment = { XDG_RUNTIME_DIR: runtime, HOME: lab.folder, PATH };
        await lab.run("muxguard", ["daemon"], { environment });
        const byName = await lab.run(shell, [...options, script.replace(/ env -./, " env")], {
          environment: { ...environment, SHELL: `/usr/local/bin/${shell}` },
        });
        const asked = await lab.run(shell, [...options, script], { environment });
        await end(await pid(environment));
        expect(asked).toMatchObject({
          code: 0,
          stdout: `${runtime}/muxguard/agent.sock\n`,
          stderr: UNREACHED,
        });
        expect(byName).toEqual(asked);
      },
    );

    it("says that there is no daemon", async () => {
      const result = await lab.muxguard("env");
      expect(result).toMatchObject({
        code: 1,
        stdout: "",
        stderr: "muxguard: no daemon runs; start it with: muxguard daemon\n",
      });
    });
  });

  describe("with status", () => {
    it("exits with 3 if there is no daemon", async () => {
      const result = await lab.muxguard("status");
      expect(result).toMatchObject({ code: 3, stdout: "" });
      expect(result.stderr).toBe("muxguard: no daemon runs; start it with: muxguard daemon\n");
    });

    it("says what is guarded", async () => {
      const { child } = await foreground();
      const { code, stdout } = await lab.muxguard("status");
      expect(code).toBe(0);
      for (const fact of [child.pid, lab.agentSocket, lab.environment.SSH_AUTH_SOCK, lab.logFile])
        expect(stdout).toContain(` ${fact}\n`);
    });
  });
});

function isThere(shell: string): boolean {
  try {
    execFileSync("/bin/sh", ["-c", `command -v ${shell}`], { stdio: "ignore" });
    return true;
  } catch {
    if (process.env.MUXGUARD_REQUIRE_PEERS)
      throw new Error(`MUXGUARD_REQUIRE_PEERS is set, and there is no ${shell}`);
    console.warn(`skipped, for want of ${shell}: muxguard env in ${shell}`);
    return false;
  }
}
