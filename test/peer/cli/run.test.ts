/** `muxguard run` as a command line: what it passes on, what it says, and what it leaves. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { userInfo } from "node:os";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { ended, finished, Lab, MUXGUARD, type Result, until } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";

const user = userInfo();
if (user.uid !== 0) console.warn("skipped, as only root may do so: a folder of another user");

describeWith(["ssh"], "muxguard run", () => {
  const lab = new Lab();
  const key = lab.key("work");
  const runtime = lab.path("runtime/muxguard");
  const policyFile = lab.path("config/muxguard/policy.toml");
  let upstream: string;

  beforeAll(async () => {
    upstream = await lab.startAgent("upstream.sock", key);
  });
  beforeEach(() => {
    lab.config("");
    lab.policy('default = "deny"\n');
  });
  afterAll(() => lab.close());

  /** Starts `muxguard run`, in a session of its own: without a terminal. */
  function start(...args: string[]): ChildProcess {
    return lab.start(process.execPath, [MUXGUARD, "run", ...args], { detached: true, stdio: "pipe" });
  }

  /** What runs left behind. */
  function left(): string[] {
    return readdirSync(runtime);
  }

  async function printed(child: ChildProcess): Promise<string> {
    const [chunk] = await once(child.stdout ?? child, "data");
    return String(chunk);
  }

  it.each<[string, string[], number]>([
    ["0", ["true"], 0],
    ["its code", ["sh", "-c", "exit 3"], 3],
    ["128 and the signal's number", ["sh", "-c", "kill -TERM $$"], 143],
    ["128 and 9 for SIGKILL", ["sh", "-c", "kill -KILL $$"], 137],
  ])("exits as the command does, with %s", async (_, command, code) => {
    expect(await lab.muxguard("run", "--", ...command)).toEqual({
      code,
      signal: null,
      stdout: "",
      stderr: "",
    });
  });

  it("exits with 127 if there is no such command, also where PATH has a folder that is closed", async () => {
    mkdirSync(lab.path("closed"), { mode: 0o000 });
    const environment = { PATH: `${lab.path("closed")}:${process.env.PATH}` };
    const args = [MUXGUARD, "run", "--", "no-such-command"];
    const result = await lab.run(process.execPath, args, { environment });
    expect(result).toMatchObject({ code: 127, stderr: "muxguard: no-such-command: command not found\n" });
  });

  it("exits with 126 if the command can't be executed", async () => {
    const file = lab.path("not-executable");
    writeFileSync(file, "#!/bin/sh\n", { mode: 0o644 });
    for (const command of [file, lab.folder]) {
      const result = await lab.muxguard("run", "--", command);
      expect(result).toMatchObject({ code: 126, stderr: `muxguard: ${command}: permission denied\n` });
    }
  });

  it.each([
    [["run"]],
    [["run", "--policy"]],
    [["run", "--no-such-option", "true"]],
    [["no-such-command"]],
    [["--no-such-option"]],
    [["status", "too", "much"]],
  ])("exits with 64 for wrong usage: %j", async (args) => {
    const result = await lab.muxguard(...args);
    expect(result).toMatchObject({ code: 64, stdout: "" });
    expect(result.stderr).toMatch(/^error: /);
  });

  it.each<[string, () => void, RegExp]>([
    ["TOML that can't be read", () => lab.policy("default = deny\n"), /policy\.toml:1:11: /],
    [
      "a field that there is not",
      () => lab.policy('\n[[rule]]\nhosts = "a"\naction = "allow"\n'),
      /policy\.toml:3:1: .*hosts.*mean "host"/,
    ],
    [
      "a value that there is not",
      () => lab.policy('[[rule]]\naction = "permit"\n'),
      /policy\.toml:2:\d+: .*action/,
    ],
    [
      "a policy that others may write to",
      () => chmodSync(policyFile, 0o666),
      /policy\.toml: others may write to it; chmod go-w /,
    ],
    [
      "a broken config.toml",
      () => lab.config('timeout = "soon"\n'),
      /config\.toml:2:\d+: timeout: .*not a duration/,
    ],
  ])("exits with 78 for %s, and runs nothing", async (_, spoil, message) => {
    spoil();
    const result = await lab.muxguard("run", "--", "echo", "ran");
    chmodSync(policyFile, 0o600);
    expect(result).toMatchObject({ code: 78, stdout: "" });
    expect(result.stderr).toMatch(message);
    expect(result.stderr.split("\n")).toHaveLength(2);
  });

  it("exits with 78 if the file of --policy is broken or missing", async () => {
    const file = lab.path("other.toml");
    expect(await lab.muxguard("run", "--policy", file, "true")).toMatchObject({
      code: 78,
      stderr: `muxguard: ${file}: no such policy file\n`,
    });
    writeFileSync(file, 'default = "allow"\n[[rule]]\n', { mode: 0o600 });
    const result = await lab.muxguard("run", "--policy", file, "true");
    expect(result.code).toBe(78);
    expect(result.stderr).toContain(`muxguard: ${file}:2:1: the rule has no action`);
  });

  it("passes stdin, stdout and stderr through", async () => {
    const script = "cat; echo out; echo err >&2";
    const args = [MUXGUARD, "run", "--", "sh", "-c", script];
    const result = await lab.run(process.execPath, args, { input: "in\n" });
    expect(result).toEqual({ code: 0, signal: null, stdout: "in\nout\n", stderr: "err\n" });
  });

  it("gives the command an agent socket, and no process id of an agent", async () => {
    const environment = { SSH_AGENT_PID: "1", OTHER: "kept" };
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell fills it in
    const script = "echo $SSH_AUTH_SOCK; test -S $SSH_AUTH_SOCK; echo $? ${SSH_AGENT_PID-none} $OTHER";
    const result = await lab.run(process.execPath, [MUXGUARD, "run", "sh", "-c", script], { environment });
    const [socket, more] = result.stdout.split("\n");
    expect(socket).toMatch(new RegExp(`^${runtime}/run-\\d+/`));
    expect(more).toBe("0 none kept");
  });

  it.each(["SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGINT", "SIGQUIT"] as const)(
    "passes %s on to the command, and ends when it does",
    async (signal) => {
      const handler = `$SIG{${signal.slice(3)}} = sub { print "${signal}"; exit 7 }`;
      const child = start("perl", "-e", `${handler}; $| = 1; print "ready"; sleep 1000`);
      const result = finished(child);
      await printed(child);
      child.kill(signal);
      expect(await result).toMatchObject({ code: 7, signal: null, stdout: `ready${signal}` });
    },
  );

  it("waits for processes that lost their parent in the run, so that none is left as a zombie", async () => {
    const child = start("sh", "-c", "(sleep 0.1 & echo $!); exec sleep 1000");
    const orphan = `/proc/${(await printed(child)).trim()}`;
    await until(() => readFileSync(`${orphan}/status`, "utf8").includes(`PPid:\t${child.pid}\n`), "adoption");
    await until(() => !existsSync(orphan), "its end");
    child.kill();
    await ended(child);
    expect(child.exitCode).toBe(143);
  });

  it("leaves what begins with a dash to the command", async () => {
    for (const separator of [[], ["--"]]) {
      const echo = await lab.muxguard("run", ...separator, "echo", "--policy", "x", "--", "-h");
      expect(echo.stdout).toBe("--policy x -- -h\n");
      expect((await lab.muxguard("run", ...separator, "ls", "--version")).stdout).toMatch(/^ls /);
    }
  });

  it("is known to rules and to the log by the command's name, or by --scope", async () => {
    const rule = (name: string) => `[[rule]]\nname = "${name}"\nscope = "${name}"\naction = "deny"\n`;
    lab.policy(rule("ssh-add") + rule("tidy up"));
    const { events } = await lab.logged(async () => {
      await lab.muxguard("run", "ssh-add", "-D");
      await lab.muxguard("run", "--scope", "tidy up", "--", "ssh-add", "-D");
    });
    expect(events).toMatchObject([
      { by: "rule:ssh-add", kind: "admin", operation: "remove-all", caller: { scope: "ssh-add" } },
      { by: "rule:tidy up", caller: { scope: "tidy up" } },
    ]);
  });

  it("uses the agent of --upstream, and the policy of --policy", async () => {
    const other = await lab.startAgent("other.sock", lab.key("other"));
    lab.environment.SSH_AUTH_SOCK = upstream;
    const policy = lab.path("allow.toml");
    lab.policy('default = "allow"\n');
    writeFileSync(policy, '[[rule]]\nname = "all"\naction = "allow"\n', { mode: 0o600 });
    expect((await lab.muxguard("run", "ssh-add", "-L")).stdout).toContain(" work\n");
    const options = ["--upstream", other, "--policy", policy];
    const { events } = await lab.logged(async () => {
      expect((await lab.muxguard("run", ...options, "ssh-add", "-L")).stdout).toContain(" other\n");
      expect((await lab.muxguard("run", ...options, "ssh-add", "-D")).code).toBe(0);
    });
    expect(events).toMatchObject([{ decision: "allow", by: "rule:all" }]);
    expect((await lab.muxguard("run", "ssh-add", "-L")).stdout).toContain(" work\n");
  });

  it("is decided by the outer run, too, when it runs in another", async () => {
    const outer = lab.path("outer.toml");
    const inner = lab.path("inner.toml");
    writeFileSync(outer, '[[rule]]\nname = "outer"\naction = "deny"\n', { mode: 0o600 });
    writeFileSync(inner, '[[rule]]\nname = "inner"\naction = "allow"\n', { mode: 0o600 });
    const command = [process.execPath, MUXGUARD, "run", "--policy", inner, "--scope", "in", "ssh-add", "-D"];
    const { result, events } = await lab.logged(() =>
      lab.muxguard("run", "--policy", outer, "--scope", "out", ...command),
    );
    expect(result.code).not.toBe(0);
    const [first, ...others] = events;
    expect(first).toMatchObject({ decision: "allow", by: "rule:inner", caller: { scope: "in" } });
    // the inner guard looks at the names of the keys meanwhile: which of the two comes first, nobody says
    expect(others.sort((one, other) => other.by.localeCompare(one.by))).toMatchObject([
      { decision: "deny", by: "rule:outer", caller: { scope: "out" } },
      { decision: "deny", by: "fault:list", caller: { scope: "out" } },
    ]);
  });

  it("leaves nothing behind: when the command ends, when it is not there, when a signal ends it", async () => {
    await lab.muxguard("run", "ssh-add", "-l");
    expect(left()).toEqual([]);
    await lab.muxguard("run", "no-such-command");
    expect(left()).toEqual([]);
    const child = start("sh", "-c", "ssh-add -l; exec sleep 1000");
    await printed(child);
    expect(left()).toEqual([`run-${child.pid}`]);
    child.kill("SIGTERM");
    await ended(child);
    expect(left()).toEqual([]);
  });

  it("leaves nothing behind where its socket's path would be too long", async () => {
    const long = lab.path("r".repeat(90));
    mkdirSync(long, { mode: 0o700 });
    const args = [MUXGUARD, "run", "echo", "ran"];
    const result = await lab.run(process.execPath, args, { environment: { XDG_RUNTIME_DIR: long } });
    expect(result).toMatchObject({ code: 1, stdout: "" });
    expect(result.stderr).toMatch(/^muxguard: socket path of \d+ bytes, 107 are the most: /);
    expect(readdirSync(`${long}/muxguard`)).toEqual([]);
  });

  it("removes what a run left behind that was killed", async () => {
    const child = start("sh", "-c", "echo $$; exec sleep 1000");
    const command = Number(await printed(child));
    child.kill("SIGKILL");
    await ended(child);
    process.kill(command);
    expect(left()).toEqual([`run-${child.pid}`]);
    const during = await lab.muxguard("run", "ls", runtime);
    expect(during.stdout).toMatch(/^run-\d+\n$/);
    expect(during.stdout).not.toContain(`run-${child.pid}\n`);
    expect(left()).toEqual([]);
  });

  const theirs: [string, string, (folder: string) => void] = [
    "belongs to another user",
    "belongs to another user",
    (folder) => {
      mkdirSync(folder, { mode: 0o700 });
      chownSync(folder, 65534, 65534);
    },
  ];

  async function runWithoutRuntimeFolder(): Promise<Result> {
    const { HOME: _, XDG_RUNTIME_DIR: __, ...environment } = lab.environment;
    const args = [MUXGUARD, "run", "sh", "-c", "echo $SSH_AUTH_SOCK"];
    const env = { ...environment, TMPDIR: lab.path("tmp") };
    return finished(lab.start(process.execPath, args, { env, stdio: "pipe" }));
  }

  it("does without HOME and XDG_RUNTIME_DIR: in a folder of the user's own", async () => {
    mkdirSync(lab.path("tmp"));
    const own = lab.path(`tmp/muxguard-${user.uid}`);
    for (const round of ["new", "known"]) {
      const result = await runWithoutRuntimeFolder();
      expect(result, round).toMatchObject({ code: 0, stdout: expect.stringContaining(`${own}/run-`) });
      expect(statSync(own).mode & 0o777).toBe(0o700);
    }
  });

  it.each<[string, string, (folder: string) => void]>([
    ["is open to others", "is open to others", (folder) => mkdirSync(folder, { mode: 0o755 })],
    ["is a link", "is not a folder", (folder) => symlinkSync(lab.path("runtime"), folder)],
    ["is a file", "is not a folder", (folder) => writeFileSync(folder, "")],
    ...(user.uid === 0 ? [theirs] : []),
  ])("refuses such a folder if it %s", async (_, message, make) => {
    mkdirSync(lab.path("tmp"), { recursive: true });
    const own = lab.path(`tmp/muxguard-${user.uid}`);
    rmSync(own, { recursive: true, force: true });
    make(own);
    const result = await runWithoutRuntimeFolder();
    expect(result).toMatchObject({ code: 1, stdout: "" });
    expect(result.stderr).toContain(`muxguard: ${own} ${message}`);
  });
});

describeWith(["ssh"], "muxguard run, with a daemon", () => {
  const lab = new Lab();
  const key = lab.key("work");

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", key);
    lab.policy("");
    await lab.startDaemon();
  });
  afterAll(() => lab.close());

  async function status(name: string): Promise<string | undefined> {
    const { stdout } = await lab.muxguard("status");
    return stdout
      .split("\n")
      .find((line) => line.startsWith(name))
      ?.slice(name.length)
      .trim();
  }

  it("uses it: the run is in its status, and its grants end with it", async () => {
    expect(await status("runs")).toBe("0");
    const sign = `ssh-keygen -q -Y sign -n file -f ${key}.pub < ${key}.pub > ${lab.path("signature")}`;
    const script = `${sign}; echo $?; read line; ${sign}; echo $?; echo $SSH_AUTH_SOCK; read line`;
    const args = [MUXGUARD, "run", "--scope", "signing", "sh", "-c", script];
    const child = lab.start(process.execPath, args, { detached: true, stdio: "pipe" });
    const result = finished(child);
    const [question] = await lab.pending();
    expect(await status("runs")).toBe("1");
    expect(await lab.muxguard("approve", question?.id ?? "", "--run")).toMatchObject({ code: 0 });
    await until(async () => (await status("remembered")) === "1", "the first signature");
    child.stdin?.write("\n");
    await until(() => lab.log().length === 2, "the second signature");
    child.stdin?.end("\n");
    const { stdout } = await result;
    expect(stdout).toMatch(new RegExp(`^0\n0\n${lab.path("runtime/muxguard")}/[0-9a-f]+\\.sock\n$`));
    const caller = { scope: "signing" };
    expect(lab.log()).toMatchObject([
      { decision: "allow", by: "approver:queue", caller },
      { decision: "allow", by: `grant:${question?.id}`, caller },
    ]);
    await until(async () => (await status("runs")) === "0", "the end of the run");
    expect(await status("remembered")).toBe("0");
    expect(existsSync(stdout.split("\n")[2] ?? "")).toBe(false);
  });

  it("passes on what the daemon says of a broken policy", async () => {
    const policy = lab.path("broken.toml");
    writeFileSync(policy, "default = deny\n", { mode: 0o600 });
    const result = await lab.muxguard("run", "--policy", policy, "echo", "ran");
    expect(result).toMatchObject({ code: 78, stdout: "" });
    expect(result.stderr).toContain(`muxguard: ${policy}:1:11: `);
  });

  it("says on its own stderr what was denied", async () => {
    const policy = lab.path("deny.toml");
    writeFileSync(policy, 'default = "deny"\n', { mode: 0o600 });
    const result = await lab.muxguard("run", "--policy", policy, "ssh-add", "-D");
    expect(result.stderr).toContain("muxguard: denied: remove all keys from the agent");
    expect(readFileSync(lab.logFile, "utf8")).toContain('"by":"default"');
  });
});
