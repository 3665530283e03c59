/** SSH_ASKPASS programs, as real scripts: asked directly, and through `muxguard run` with a real ssh. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Lab, until } from "../../../lab/lab.ts";
import { createAskpassApprover } from "../../../src/approver/askpass/approver.ts";
import { inTurn } from "../../../src/approver/in-turn.ts";
import type { Answer, Question } from "../../../src/policy/question.ts";
import { question } from "../../support/guard.ts";
import { describeWith } from "../tools.ts";

const DENIED: Answer = { decision: "deny", reason: "you said no" };

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
}

describe("an askpass program", () => {
  const lab = new Lab();
  let withdrawn: AbortController;

  beforeEach(() => {
    withdrawn = new AbortController();
  });
  afterEach(() => withdrawn.abort());
  afterAll(() => lab.close());

  function approver(body: string, environment: NodeJS.ProcessEnv = {}) {
    const SSH_ASKPASS = lab.script("askpass", `#!/bin/sh\n${body}\n`);
    const { PATH } = process.env;
    return createAskpassApprover({ PATH, SSH_ASKPASS, SSH_ASKPASS_REQUIRE: "force", ...environment });
  }

  const ask = (body: string, asked: Question = question()) => approver(body).ask(asked, withdrawn.signal);

  it.each([
    ["nothing", ":"],
    ["an empty line", "echo"],
    ["yes", "echo yes"],
    ["YES", "echo YES"],
    ["yes, without a newline", "printf yes"],
    ["yes, and more than 1,024 bytes after it", "echo yes; head -c 100000 /dev/zero"],
  ])("allows with exit code 0 and %s", async (_, body) => {
    expect(await ask(body)).toEqual({ decision: "allow", remember: "once" });
  });

  it.each([
    ["exit code 0 and no", "echo no"],
    ["exit code 0 and another text", "echo yesterday"],
    ["exit code 0 and a blank", "echo ' '"],
    ["exit code 0 and a secret that it asked for", "echo hunter2"],
    ["exit code 0 and yes behind another line", "echo no; echo yes"],
    ["exit code 0 and more than 1,024 bytes", "head -c 100000 /dev/zero; echo; echo yes"],
    ["exit code 1", "exit 1"],
    ["exit code 1 and yes", "echo yes; exit 1"],
    ["exit code 255", "exit 255"],
  ])("denies with %s", async (_, body) => {
    expect(await ask(body)).toEqual(DENIED);
  });

  it("gives no answer when it is killed", async () => {
    await expect(ask("echo yes; kill -9 $$")).rejects.toThrow("the program was killed");
  });

  it("gives no answer when it can't be started", async () => {
    const asked = (SSH_ASKPASS: string) =>
      createAskpassApprover({ SSH_ASKPASS, DISPLAY: ":0" }).ask(question(), withdrawn.signal);
    await expect(asked(lab.sshConfig)).rejects.toThrow("EACCES");
    await expect(asked(lab.path("missing"))).rejects.toThrow("ENOENT");
  });

  it("remembers as long as a plain yes means", async () => {
    const yes = { milliseconds: 600_000 };
    expect(await ask(":", question({ yes }))).toEqual({ decision: "allow", remember: yes });
  });

  it("is told that it is to confirm, and what: in one argument, without control characters", async () => {
    const hostile = question({ yes: { milliseconds: 600_000 }, because: "rule:agents" });
    hostile.caller = { ...hostile.caller, cwd: "/prod\x1b[2J\nAllow it?" };
    await ask(
      `echo $# $SSH_ASKPASS_PROMPT > '${lab.path("told")}'; printf "%s\\n" "$1" >> '${lab.path("told")}'`,
      hostile,
    );
    const [first, ...text] = readFileSync(lab.path("told"), "utf8").split("\n");
    expect(first).toBe("1 confirm");
    expect(text[0]).toBe('muxguard: git "fetch" -> github.com as git?'); // nothing that Qt would take for HTML
    expect(text.join("\n")).toContain("/prod\\x1b[2J\\nAllow it?");
    expect(text.join("\n")).toContain('because: rule "agents"');
    // x11-ssh-askpass shows Latin-1 alone
    expect(text.join("\n")).toContain("asked by: ssh, by git");
    expect(text.join("\n")).not.toMatch(/[^\n -\xff]/);
    expect(text.filter((line) => line.startsWith("Allow it"))).toEqual(["Allow it for 10 minutes?"]);
  });

  it.each([
    ["exec sleep 1000", "itself"],
    ["sleep 1000; echo yes", "with what it started"],
    ["trap '' TERM; while :; do sleep 1000; done", "even if it takes no notice of SIGTERM"],
  ])("is killed when the question is withdrawn: %j, %s", async (body) => {
    const pidFile = lab.path(`pid-${Math.random()}`);
    const answer = ask(`echo $$ > '${pidFile}.new'; mv '${pidFile}.new' '${pidFile}'; ${body}`);
    await until(() => existsSync(pidFile), "the program");
    const pid = Number(readFileSync(pidFile, "utf8"));
    withdrawn.abort();
    await expect(answer).rejects.toThrow("withdrawn");
    await until(() => !isAlive(pid), "its end");
  });

  it.each<[string, NodeJS.ProcessEnv, string | undefined]>([
    ["no program", { SSH_ASKPASS: "" }, "SSH_ASKPASS is not set"],
    ["no display", { SSH_ASKPASS_REQUIRE: "" }, "no display (SSH_ASKPASS_REQUIRE=force if it needs none)"],
    ["SSH_ASKPASS_REQUIRE=never", { SSH_ASKPASS_REQUIRE: "never" }, "SSH_ASKPASS_REQUIRE is never"],
    ["SSH_ASKPASS_REQUIRE=force", {}, undefined],
    ["a Wayland display", { SSH_ASKPASS_REQUIRE: "", WAYLAND_DISPLAY: "wayland-0" }, undefined],
    ["an X display", { SSH_ASKPASS_REQUIRE: "", DISPLAY: ":0" }, undefined],
  ])("knows whether it can reach a person, with %s", (_, environment, reason) => {
    expect(approver(":", environment).unavailable()).toBe(reason);
  });

  it("is asked one question at a time, and not at all what was withdrawn in the meantime", async () => {
    const trace = lab.path("trace");
    const body = `echo begin >> '${trace}'; while ! [ -e '${lab.path("go")}' ]; do sleep 0.01; done; echo end >> '${trace}'`;
    const one = inTurn(approver(body));
    const late = new AbortController();
    const answers = [withdrawn.signal, late.signal, withdrawn.signal].map((signal) =>
      one.ask(question(), signal),
    );
    await until(() => existsSync(trace), "the first question");
    late.abort();
    lab.script("go", "");
    await expect(answers[1]).rejects.toThrow("withdrawn");
    await Promise.all([answers[0], answers[2]]);
    expect(readFileSync(trace, "utf8")).toBe("begin\nend\nbegin\nend\n");
  });
});

describe("an askpass program with a display", () => {
  const lab = new Lab();
  const starts = lab.path("starts");
  let withdrawn: AbortController;

  beforeEach(() => {
    withdrawn = new AbortController();
    writeFileSync(starts, "");
  });
  afterEach(() => withdrawn.abort());
  afterAll(() => lab.close());

  /** Whatever comes without a wait is early, on any machine. */
  const WAIT = "sleep 5.1";
  const times = { deafFor: 5000, pause: 10 };

  /** In `$n` it finds how often it was started. */
  function ask(body: string, display: NodeJS.ProcessEnv = { DISPLAY: ":0" }): Promise<Answer> {
    const told = `printf '%s\\n' "$1" > '${lab.path("told")}'; echo $$ >> '${starts}'; n=$(wc -l < '${starts}')`;
    const SSH_ASKPASS = lab.script("askpass", `#!/bin/sh\n${told}\n${body}\n`);
    return createAskpassApprover({ PATH: process.env.PATH, SSH_ASKPASS, ...display }, times).ask(
      question(),
      withdrawn.signal,
    );
  }

  const pids = () => readFileSync(starts, "utf8").split("\n").filter(Boolean).map(Number);

  it.each([
    ["nothing", ":"],
    ["yes", "echo yes"],
    ["what was typed for another window", "echo ls -l"],
  ])("is started again after an OK that comes at once, with %s", async (_, said) => {
    const answer = await ask(`[ $n = 1 ] || ${WAIT}; [ $n = 2 ] || { ${said}; }`);
    expect(answer).toEqual({ decision: "allow", remember: "once" });
    expect(pids()).toHaveLength(2);
    expect(readFileSync(lab.path("told"), "utf8")).toMatch(
      /\n\nmore: muxguard pending\nYour last answer came too soon to count.\nAllow it once\?\n$/,
    );
  });

  /** There is no display, which else would be why it says no. */
  const forced = { DISPLAY: ":0", SSH_ASKPASS_REQUIRE: "force" };

  it("is not told of an answer before there was one", async () => {
    await ask("exit 1", forced);
    expect(readFileSync(lab.path("told"), "utf8")).not.toContain("too soon");
  });

  it.each<[string, NodeJS.ProcessEnv]>([
    ["an X display", { DISPLAY: ":0" }],
    ["a Wayland display", { WAYLAND_DISPLAY: "wayland-0" }],
    ["a display that it is said not to need", { DISPLAY: ":0", SSH_ASKPASS_REQUIRE: "force" }],
  ])("gives no answer if it says yes at once each time, on %s", async (_, display) => {
    await expect(ask("echo yes", display)).rejects.toThrow("it said OK at once, 3 times");
    expect(pids()).toHaveLength(3);
  });

  it("may say no at once", async () => {
    expect(await ask("echo no")).toEqual(DENIED);
    expect(await ask("exit 1", forced)).toEqual(DENIED);
    expect(pids()).toHaveLength(2);
  });

  it("denies what was said late, and is no yes", async () => {
    expect(await ask(`${WAIT}; echo ls -l`)).toEqual(DENIED);
  });

  it("is not started again once the question is withdrawn", async () => {
    times.pause = 60_000;
    const answer = ask(":");
    await until(() => pids().length === 1 && !isAlive(pids()[0] ?? 0), "the first answer");
    withdrawn.abort();
    await expect(answer).rejects.toThrow();
    expect(pids()).toHaveLength(1);
    times.pause = 10;
  });

  it("is killed when the question is withdrawn after it was started again", async () => {
    const answer = ask("[ $n = 1 ] || exec sleep 1000");
    await until(() => pids().length === 2, "the second start");
    withdrawn.abort();
    await expect(answer).rejects.toThrow("withdrawn");
    await until(() => !isAlive(pids()[1] ?? 0), "its end");
  });
});

describeWith(["ssh", "sshd"], "a login that an askpass program is asked about", () => {
  const lab = new Lab();
  const key = lab.key("work");
  const user = userInfo().username;

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", key);
    await lab.startServer("alpha.example", key);
    lab.environment.SSH_ASKPASS_REQUIRE = "force";
  });
  afterAll(() => lab.close());

  function askpass(body: string): void {
    lab.environment.SSH_ASKPASS = lab.script("askpass", `#!/bin/sh\n${body}\n`);
  }

  const shell = (script: string) => lab.muxguard("run", "--scope", "work", "--", "sh", "-c", script);
  const ssh = `ssh -F ${lab.sshConfig} alpha.example`;

  it("goes on after yes, and the answer holds for the next one", async () => {
    const text = lab.path("text");
    askpass(`printf "%s\\n" "$1" >> '${text}'`);
    const { result, events } = await lab.logged(() => shell(`${ssh} echo one; ${ssh} echo two`));
    expect(result).toMatchObject({ code: 0, stdout: "one\ntwo\n", stderr: "" });
    expect(events).toMatchObject([{ by: "approver:askpass" }, { by: `grant:${events[0]?.id}` }]);
    const asked = readFileSync(text, "utf8");
    expect(asked.match(/Allow it until this run ends\?/g)).toHaveLength(1);
    for (const words of [
      `muxguard: ssh -> alpha.example as ${user}, in run "work"?\n`,
      'login with key "work"; host key known\n',
      'because: no rule says otherwise (default = "ask")',
    ])
      expect(asked).toContain(words);
  });

  it("is denied after no", async () => {
    askpass("exit 1");
    const { result, events } = await lab.logged(() => shell(`${ssh} echo in`));
    expect(result).toMatchObject({ code: 255, stdout: "" });
    expect(result.stderr).toContain("muxguard: denied: log in to alpha.example");
    expect(events).toMatchObject([{ decision: "deny", by: "approver:askpass", reason: "you said no" }]);
  });

  it.each([
    ["is killed", "kill -9 $$", "askpass: the program was killed"],
    ["can't be started", "", "askpass: spawn "],
  ])("is denied when the program %s", async (_, body, reason) => {
    askpass(body);
    if (body === "") lab.environment.SSH_ASKPASS = lab.path("missing");
    const { result, events } = await lab.logged(() => shell(`${ssh} echo in`));
    expect(result.code).toBe(255);
    expect(result.stderr).toContain(reason);
    expect(events).toMatchObject([{ decision: "deny", by: "fault:approver" }]);
  });

  it("does not ask with a program of the caller's choice", async () => {
    askpass("exit 1");
    const own = lab.script("own", "#!/bin/sh\necho yes\n");
    const result = await shell(`SSH_ASKPASS=${own} ${ssh} echo in`);
    expect(result).toMatchObject({ code: 255, stdout: "" });
  });

  it("is asked one after the other, where several wait", async () => {
    const trace = lab.path("trace");
    askpass(`echo begin >> '${trace}'; sleep 0.2; echo end >> '${trace}'`);
    const { result } = await lab.logged(() =>
      shell(`${ssh} echo in & ssh-keygen -q -Y sign -n file -f ${key}.pub ${lab.sshConfig} & wait`),
    );
    expect(result).toMatchObject({ code: 0, stdout: "in\n" });
    expect(readFileSync(trace, "utf8")).toBe("begin\nend\nbegin\nend\n");
  });

  it("leaves no program behind when ssh goes away, or is answered from elsewhere", async () => {
    const pidFile = lab.path("pid");
    askpass(`echo $$ > '${pidFile}.new'; mv '${pidFile}.new' '${pidFile}'; sleep 1000`);
    const left = shell(
      `${ssh} true & sleep 0.01; while ! [ -e '${pidFile}' ]; do sleep 0.01; done; kill -9 $!`,
    );
    await left;
    await until(() => !isAlive(Number(readFileSync(pidFile, "utf8"))), "the end of the program");
    expect(lab.log().at(-1)).toMatchObject({ by: "fault:withdrawn" });
    const answered = shell(`${ssh} echo in`);
    const [waiting] = await lab.pending();
    await lab.muxguard("approve", waiting?.id ?? "");
    expect(await answered).toMatchObject({ code: 0, stdout: "in\n" });
    await until(() => !isAlive(Number(readFileSync(pidFile, "utf8"))), "the end of the program");
  });
});
