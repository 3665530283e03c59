/** Questions that wait under a daemon, and the commands that answer them from elsewhere. */
import type { ChildProcess } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { userInfo } from "node:os";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ended, finished, Lab, MUXGUARD, type Result, until } from "../../../lab/lab.ts";
import type { Question } from "../../../src/policy/question.ts";
import { describeWith } from "../tools.ts";

const user = userInfo().username;

describeWith(["ssh", "sshd"], "a question that waits", () => {
  const lab = new Lab();
  const key = lab.key("work");
  const ssh = `ssh -F ${lab.sshConfig} alpha.example`;
  const pending: Promise<unknown>[] = [];

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", key);
    await lab.startServer("alpha.example", key);
    await lab.startDaemon();
  });
  afterEach(async () => {
    for (const { id } of await questions()) await lab.muxguard("deny", id);
    await Promise.all(pending.splice(0));
    lab.policy("");
    rmSync(lab.path("config/muxguard/approved.toml"), { force: true });
    await lab.muxguard("forget", "--all");
  });
  afterAll(() => lab.close());

  /** A shell script that uses the daemon's agent. */
  function start(script: string): { child: ChildProcess; result: Promise<Result> } {
    const env = { ...lab.environment, SSH_AUTH_SOCK: lab.agentSocket };
    const child = lab.start("/bin/sh", ["-c", `${script}; :`], { env, detached: true, stdio: "pipe" });
    const result = finished(child);
    pending.push(result);
    return { child, result };
  }

  async function questions(): Promise<Question[]> {
    const { stdout } = await lab.muxguard("pending", "--json");
    return stdout.split("\n").flatMap((line) => (line === "" ? [] : JSON.parse(line)));
  }

  async function onlyQuestion(): Promise<Question> {
    const [question] = await lab.pending();
    if (!question) throw new Error("no question");
    return question;
  }

  it("is shown by pending, with what there is to know", async () => {
    expect(await lab.muxguard("pending")).toMatchObject({ code: 0, stdout: "nothing waits for an answer\n" });
    start(`${ssh} true`);
    const { id, count, choices, lasts } = await onlyQuestion();
    expect({ count, choices, lasts }).toEqual({
      count: 1,
      choices: ["once", "lasting", { milliseconds: 600_000 }, "session", "always"],
      lasts: "program", // without a terminal: the shell that leads its session
    });
    const { stdout } = await lab.muxguard("pending");
    for (const words of [
      ` (through ssh) wants to log in to alpha.example as ${user} with key "work"`,
      "host key known",
      `ssh -F ${lab.sshConfig} alpha.example true`,
      lab.folder,
      `muxguard approve ${id} allows it until its program ends; with --once this time alone; muxguard deny ${id} denies it`,
    ])
      expect(stdout).toContain(words);
    expect(stdout).toMatch(/without an answer it is denied in (?:60|5\d) seconds\n/);
    const other = await lab.muxguard("approve", id, "--host", "web9");
    expect(other).toMatchObject({
      code: 1,
      stderr: `muxguard: question ${id} lists no web9; it lists alpha.example\n`,
    });
  });

  it("is explained by approve --help: what a plain yes means", async () => {
    const { stdout } = await lab.muxguard("approve", "--help");
    expect(stdout.replace(/\s+/g, " ")).toContain(
      'for a time where its rule gives one or config.toml says yes = "remember", or not at all with yes = "once"',
    );
  });

  it.each(["pending", "grants", "log"])(
    "leaves no stack trace where nobody reads on: %s",
    async (command) => {
      start(`${ssh} true; ${ssh} -v true`);
      await lab.muxguard("approve", (await onlyQuestion()).id);
      start("ssh-add -D");
      await onlyQuestion();
      const child = lab.start(process.execPath, [MUXGUARD, command]);
      child.stdout?.destroy();
      expect(await finished(child)).toMatchObject({ code: 0, stderr: "" });
      const full = await lab.run("sh", ["-c", '"$@" > /dev/full', "sh", process.execPath, MUXGUARD, command]);
      expect(full).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^muxguard: stdout: ENOSPC.*\n$/),
      });
    },
  );

  it("is answered with yes by approve and the beginning of its id; the next one is not asked", async () => {
    const { result } = start(`${ssh} echo one; ${ssh} echo two`);
    const { id } = await onlyQuestion();
    const { events } = await lab.logged(async () => {
      const approved = await lab.muxguard("approve", id.slice(0, 3));
      expect(approved).toMatchObject({ code: 0, stderr: "" });
      expect(approved.stdout).toMatch(/^allowed until its program ends: log in to alpha\.example as /);
      expect(await result).toMatchObject({ stdout: "one\ntwo\n" });
    });
    expect(events).toMatchObject([
      { id, decision: "allow", by: "approver:queue", host: "alpha.example", user },
      { decision: "allow", by: `grant:${id}`, host: "alpha.example", user },
    ]);
    expect(events[0]?.waitedMs).toBeGreaterThan(0);
  });

  it("is answered with no by deny", async () => {
    const { result } = start(`${ssh} echo in; echo $?`);
    const { id } = await onlyQuestion();
    const { events } = await lab.logged(async () => {
      const denied = await lab.muxguard("deny", id);
      expect(denied).toMatchObject({ code: 0, stdout: expect.stringMatching(/^denied: log in to alpha/) });
      expect(await result).toMatchObject({ stdout: "255\n" });
    });
    expect(events).toMatchObject([{ id, decision: "deny", by: "approver:queue", reason: "you said no" }]);
  });

  it("is asked again after approve --once", async () => {
    const { result } = start(`${ssh} echo one; ${ssh} echo two`);
    const first = await onlyQuestion();
    expect((await lab.muxguard("approve", first.id, "--once")).stdout).toMatch(/^allowed once: /);
    await until(async () => (await questions()).some(({ id }) => id !== first.id), "the second question");
    await lab.muxguard("deny", (await onlyQuestion()).id);
    expect((await result).stdout).toBe("one\n");
  });

  it("is asked every time if its rule says that it is never remembered", async () => {
    lab.policy('[[rule]]\naction = "ask"\nremember = "never"\n');
    const { result } = start(`${ssh} echo one; ${ssh} echo two`);
    const first = await onlyQuestion();
    expect(first.choices).toEqual(["once"]);
    expect(await lab.muxguard("approve", first.id, "--for", "1m")).toMatchObject({
      code: 64,
      stderr: "muxguard: not for that long: it is never remembered\n",
    });
    expect((await lab.muxguard("approve", first.id)).stdout).toMatch(/^allowed once: /);
    await until(async () => (await questions()).some(({ id }) => id !== first.id), "the second question");
    await lab.muxguard("approve", (await onlyQuestion()).id);
    expect((await result).stdout).toBe("one\ntwo\n");
  });

  it("is remembered for as long as approve --for says, and no longer than its rule allows", async () => {
    lab.policy('[[rule]]\naction = "ask"\nremember = "5m"\n');
    const { result } = start(`${ssh} echo one; ${ssh} echo two`);
    const { id } = await onlyQuestion();
    for (const [wish, message] of [
      ["10m", "not for that long: at most 5 minutes"],
      ["soon", 'not a duration, such as "10m": soon'],
    ] as const) {
      const refused = await lab.muxguard("approve", id, "--for", wish);
      expect(refused).toMatchObject({ code: 64, stdout: "", stderr: `muxguard: ${message}\n` });
    }
    expect(await questions()).toHaveLength(1);
    expect((await lab.muxguard("approve", id, "--for", "2m")).stdout).toMatch(/^allowed for 2 minutes: /);
    expect((await result).stdout).toBe("one\ntwo\n");
  });

  it("is remembered until the session ends by approve --session", async () => {
    const { result } = start(`${ssh} echo one; ${ssh} echo two`);
    const { id } = await onlyQuestion();
    const { stdout } = await lab.muxguard("approve", id, "--session");
    expect(stdout).toMatch(/^allowed until this session ends: /);
    const { events } = await lab.logged(() => result);
    expect(events.at(-1)).toMatchObject({ decision: "allow", by: `grant:${id}` });
    // the shell that the session began with has ended
    start(`${ssh} true`);
    expect((await onlyQuestion()).id).not.toBe(id);
  });

  it("becomes a rule by approve --always, which answers for that request alone", async () => {
    const file = lab.path("config/muxguard/approved.toml");
    const { result } = start(`${ssh} echo one; ${ssh} echo two`);
    const { id } = await onlyQuestion();
    const { events } = await lab.logged(async () => {
      expect((await lab.muxguard("approve", id, "--always")).stdout).toMatch(/^allowed always: /);
      expect((await result).stdout).toBe("one\ntwo\n");
    });
    expect(events).toMatchObject([
      { id, by: "approver:queue", remember: "always" },
      { decision: "allow", by: expect.stringMatching(/^rule:always: .*log in to alpha\.example/) },
    ]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, "utf8")).toContain('host = "alpha.example"\n');
    const copy = lab.path("always-ssh");
    copyFileSync("/usr/bin/ssh", copy);
    start(`${copy} -F ${lab.sshConfig} alpha.example true`);
    expect((await onlyQuestion()).caller.exe).toBe(copy);
  });

  it("becomes no rule where its rule limits how long it is remembered", async () => {
    lab.policy('[[rule]]\naction = "ask"\nremember = "5m"\n');
    start(`${ssh} true`);
    const { id } = await onlyQuestion();
    expect(await lab.muxguard("approve", id, "--always")).toMatchObject({
      code: 64,
      stderr: expect.stringMatching(/^muxguard: this can't be made a rule: /),
    });
    expect(existsSync(lab.path("config/muxguard/approved.toml"))).toBe(false);
  });

  it("is answered with no for a while by deny --for: the same is not asked again", async () => {
    const { result } = start(`${ssh} true; ${ssh} true`);
    const { id } = await onlyQuestion();
    expect(await lab.muxguard("deny", id, "--for", "soon")).toMatchObject({ code: 64 });
    const { events } = await lab.logged(async () => {
      expect((await lab.muxguard("deny", id, "--for", "10m")).stdout).toMatch(/^denied for 10 minutes: /);
      await result;
    });
    expect(events).toMatchObject([
      { id, decision: "deny", by: "approver:queue", remember: "10m" },
      { decision: "deny", by: `grant:${id}` },
    ]);
  });

  it("can't be remembered for a run outside of one", async () => {
    start(`${ssh} true`);
    const { id } = await onlyQuestion();
    expect(await lab.muxguard("approve", id, "--run")).toMatchObject({
      code: 64,
      stderr: "muxguard: this can't be remembered for a run\n",
    });
    expect(await questions()).toHaveLength(1);
  });

  it("is not meant by another id, nor by none", async () => {
    start(`${ssh} true`);
    await onlyQuestion();
    for (const command of ["approve", "deny"]) {
      for (const id of ["0", ""]) {
        const result = await lab.muxguard(command, id);
        expect(result.code).toBe(1);
        expect(result.stderr).toBe(`muxguard: no question ${id} waits for an answer (muxguard pending)\n`);
      }
    }
    expect(await questions()).toHaveLength(1);
  });

  it("stands for all that ask the same, and its answer is an answer to all", async () => {
    const { result } = start(`${ssh} echo in & ${ssh} echo in & wait`);
    await until(async () => (await questions())[0]?.count === 2, "the second request");
    const { id } = await onlyQuestion();
    expect((await lab.muxguard("pending")).stdout).toContain("2 requests from ssh wait for the answer\n");
    const { events } = await lab.logged(async () => {
      await lab.muxguard("approve", id, "--once");
      expect((await result).stdout).toBe("in\nin\n");
    });
    expect(events).toMatchObject([{ by: "approver:queue" }, { by: "approver:queue" }]);
    expect(events[0]?.id).not.toBe(events[1]?.id);
  });

  it("is another one for another program", async () => {
    const copy = lab.path("other-ssh");
    copyFileSync("/usr/bin/ssh", copy);
    start(`${ssh} true; ${copy} -F ${lab.sshConfig} alpha.example true`);
    const first = await onlyQuestion();
    await lab.muxguard("approve", first.id);
    await until(async () => (await questions()).some(({ id }) => id !== first.id), "the second question");
    expect((await onlyQuestion()).caller.exe).toBe(copy);
  });

  it("is gone when nobody waits for its answer any more", async () => {
    const { child } = start(`exec ${ssh} true`);
    await onlyQuestion();
    const { events } = await lab.logged(async () => {
      child.kill("SIGKILL");
      await ended(child);
      await lab.pending(0);
    });
    expect(events).toMatchObject([{ decision: "deny", by: "fault:withdrawn" }]);
  });

  it("stays open for the others when one of them goes away", async () => {
    const { child, result } = start(`${ssh} echo in & echo $!; ${ssh} echo in & wait`);
    const killed = new Promise<number>((resolve) =>
      child.stdout?.once("data", (text) => resolve(Number(text))),
    );
    await until(async () => (await questions())[0]?.count === 2, "the second request");
    process.kill(await killed, "SIGKILL");
    await until(async () => (await questions())[0]?.count === 1, "its end");
    await lab.muxguard("approve", (await onlyQuestion()).id, "--once");
    expect((await result).stdout).toBe(`${await killed}\nin\n`);
  });

  it("is denied after the time that its rule gives", async () => {
    lab.policy('[[rule]]\naction = "ask"\ntimeout = "1s"\n');
    const { result, events } = await lab.logged(() => start(`${ssh} true; echo $?`).result);
    expect(result.stdout).toBe("255\n");
    expect(events).toMatchObject([
      { decision: "deny", by: "fault:timeout", reason: "no answer within 1 seconds" },
    ]);
    expect(events[0]?.waitedMs).toBeGreaterThanOrEqual(999);
  });

  describe("is out of reach of what runs in a run:", () => {
    const refused =
      "muxguard: refused: this process is inside of a muxguard run or of a container, and what is guarded can't control the guard";
    const shell = (name: string, text: string) => lab.script(name, `#!/bin/sh\n${text}`);
    const muxguard = `"${process.execPath}" "${MUXGUARD}"`;
    const answers = ["status", "pending", 'approve "$1"', 'deny "$1"'].map(
      (command) => `${muxguard} ${command} 2>&1; echo $?\n`,
    );
    const answer = shell("answer", answers.join(""));
    const child = shell("child", '"$@"\n:\n');
    const deep = shell("deep", 'n=$1; shift\nif [ $n = 0 ]; then "$@"; else "$0" $((n - 1)) "$@"; fi\n:\n');
    const detached = 'p=$$; (while kill -0 $p; do :; done; "$@" > "$0.new"; mv "$0.new" "$0") 2> /dev/null &';
    const orphan = shell(
      "orphan",
      `setsid sh -c '${detached}' ${lab.path("out")} "$@"\nwhile ! cat ${lab.path("out")} 2> /dev/null; do sleep 0.01; done\n`,
    );

    it("what has killed the process that held it, which is in the log", async () => {
      start(`${ssh} true`);
      const { id } = await onlyQuestion();
      const out = lab.path("free");
      const wait = 'while kill -0 $1 2> /dev/null; do :; done; "$2" $3 > "$4.new"; mv "$4.new" "$4"';
      const free = shell(
        "free-itself",
        `setsid sh -c '${wait}' - $PPID "$1" "$2" "$3" & kill -9 $PPID; wait\n`,
      );
      const { events } = await lab.logged(async () => {
        expect((await lab.muxguard("run", "--", free, answer, id, out)).signal).toBe("SIGKILL");
        await until(() => existsSync(out), "the answers of what runs on");
      });
      expect(readFileSync(out, "utf8")).toBe(`${refused}\n1\n`.repeat(4));
      const attempt = { kind: "admin", decision: "deny", by: "fault:inside" };
      expect(events).toMatchObject([
        { ...attempt, operation: "approve" },
        { ...attempt, operation: "deny" },
      ]);
      expect(await questions()).toMatchObject([{ id }]);
    });

    it.each<[string, string[]]>([
      ["its command", []],
      ["a child of its command", [child]],
      ["what lost its parent, in a session of its own", [orphan]],
      ["the end of a long line of processes", [deep, "80"]],
      ["a run in the run", [process.execPath, MUXGUARD, "run", "--"]],
    ])("%s", async (_, via) => {
      start(`${ssh} true`);
      const { id } = await onlyQuestion();
      const result = await lab.muxguard("run", "--", ...via, answer, id);
      expect(result.stdout).toBe(`${refused}\n1\n`.repeat(4));
      expect(await questions()).toMatchObject([{ id }]);
    });
  });
});

describeWith(["ssh", "sshd"], "a question of a run without a daemon", () => {
  const lab = new Lab();
  const key = lab.key("work");

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", key);
    await lab.startServer("alpha.example", key);
    // asks until it is killed
    lab.environment.SSH_ASKPASS = lab.script("ask", "#!/bin/sh\nexec sleep 1000\n");
    lab.environment.SSH_ASKPASS_REQUIRE = "force";
  });
  afterAll(() => lab.close());

  it("is answered from outside, and not from inside of another run", async () => {
    const result = lab.guardedSsh("alpha.example", "echo in");
    const [question] = await lab.pending();
    const command = [process.execPath, MUXGUARD, "approve", question?.id ?? ""];
    const inside = await lab.muxguard("run", "--", ...command);
    expect(inside).toMatchObject({ code: 1, stdout: "" });
    expect(inside.stderr).toMatch(/^muxguard: refused: this process is inside of a muxguard run/);
    expect(await lab.run(process.execPath, command.slice(1))).toMatchObject({ code: 0, stderr: "" });
    expect(await result).toMatchObject({ code: 0, stdout: "in\n", stderr: "" });
    expect(lab.log()).toMatchObject([
      { kind: "admin", operation: "approve", decision: "deny", by: "fault:inside" },
      { decision: "allow", by: "approver:queue" },
    ]);
  });

  it("is not hidden by that of a run that was stopped", async () => {
    const ssh = ["ssh", "-F", lab.sshConfig, "alpha.example", "true"];
    const stopped = lab.start(process.execPath, [MUXGUARD, "run", "--", ...ssh], { detached: true });
    await lab.pending();
    stopped.kill("SIGSTOP");
    try {
      const result = lab.guardedSsh("alpha.example", "echo in");
      const [question] = await lab.pending();
      const { code, stderr } = await lab.muxguard("approve", question?.id ?? "");
      expect({ code, stderr }).toEqual({
        code: 0,
        stderr: expect.stringMatching(/run-\d+\/daemon\.sock does not answer/),
      });
      expect(await result).toMatchObject({ code: 0, stdout: "in\n" });
    } finally {
      stopped.kill("SIGCONT");
    }
  });
});
