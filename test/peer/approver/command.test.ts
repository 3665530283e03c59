/** Programs of the user's own, as real scripts. */
import { existsSync, readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Lab, until } from "../../../lab/lab.ts";
import { createCommandApprover } from "../../../src/approver/command/approver.ts";
import { questionEvent } from "../../../src/audit/event.ts";
import type { Answer, Question } from "../../../src/policy/question.ts";
import { question } from "../../support/guard.ts";
import { describeWith } from "../tools.ts";

const ten = { milliseconds: 600_000 };

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
}

describe("a command", () => {
  const lab = new Lab();
  let withdrawn: AbortController;

  beforeEach(() => {
    withdrawn = new AbortController();
  });
  afterEach(() => withdrawn.abort());
  afterAll(() => lab.close());

  function ask(body: string, asked: Question = question({ choices: ["once", ten, "run"] })): Promise<Answer> {
    const command = [lab.script("command", `#!/bin/sh\n${body}\n`), "an argument"];
    const approver = createCommandApprover({ command, environment: lab.environment, toJson: questionEvent });
    return approver.ask(asked, withdrawn.signal);
  }

  const says = (answer: object | string): string =>
    `cat > /dev/null; printf '%s\\n' '${typeof answer === "string" ? answer : JSON.stringify(answer)}'`;

  it.each<[object, Answer]>([
    [{ decision: "allow" }, { decision: "allow", remember: "once" }],
    [
      { decision: "allow", remember: "once" },
      { decision: "allow", remember: "once" },
    ],
    [
      { decision: "allow", remember: "10m" },
      { decision: "allow", remember: ten },
    ],
    [
      { decision: "allow", remember: "90s" },
      { decision: "allow", remember: { milliseconds: 90_000 } },
    ],
    [
      { decision: "allow", remember: "run" },
      { decision: "allow", remember: "run" },
    ],
    [{ decision: "deny" }, { decision: "deny", reason: "you said no" }],
    [
      { decision: "deny", reason: "not\nnow" },
      { decision: "deny", reason: "not\\nnow" },
    ],
    [
      { decision: "deny", remember: "2m" },
      { decision: "deny", reason: "you said no", remember: { milliseconds: 120_000 } },
    ],
    [{ decision: "apart" }, { decision: "apart" }],
  ])("answers with %j", async (answer, expected) => {
    const hosts = ["web1", "web2"].map((name) => ({ id: name, name }));
    const asked = question({ choices: ["once", ten, "run"], denyFor: ten.milliseconds, hosts });
    expect(await ask(says(answer), asked)).toEqual(expected);
  });

  it.each<[string, string, RegExp]>([
    ["says nothing", "cat > /dev/null", /what it wrote is no answer/],
    ["says yes", says("yes"), /what it wrote is no answer/],
    ["says true", says("true"), /what it wrote is no answer/],
    ["says something else than an answer", says({ decision: "maybe" }), /what it wrote is no answer/],
    ["says more than is known", says({ decision: "allow", forever: true }), /what it wrote is no answer/],
    ["gives a number to remember", says({ decision: "allow", remember: 600 }), /what it wrote is no answer/],
    ["answers twice", `${says({ decision: "allow" })}; echo {}`, /what it wrote is no answer/],
    ["allows for ever", says({ decision: "allow", remember: "always" }), /"always", which was not offered/],
    ["denies for a while", says({ decision: "deny", remember: "1m" }), /"1m", which was not offered/],
    ["takes one host apart", says({ decision: "apart" }), /there is one/],
    ["fails", `${says({ decision: "allow" })}; exit 3`, /^exit code 3$/],
    [
      "fails with a reason",
      `echo first >&2; printf 'no\\033[2J net\\n' >&2; exit 1`,
      /^exit code 1: no\\x1b\[2J net$/,
    ],
    ["is killed", `${says({ decision: "allow" })}; kill -9 $$`, /^the program was killed$/],
    [
      "says too much",
      `${says({ decision: "allow" })}; head -c 1000000 /dev/zero | tr '\\0' ' '`,
      /more than 65536 bytes/,
    ],
  ])("has no answer when it %s", async (_, body, reason) => {
    await expect(ask(body)).rejects.toThrow(reason);
  });

  it("can't allow for longer than its question offers", async () => {
    const short = question({ choices: ["once", { milliseconds: 60_000 }], longest: 60_000 });
    await expect(ask(says({ decision: "allow", remember: "10m" }), short)).rejects.toThrow("not offered");
    await expect(ask(says({ decision: "allow", remember: "run" }), short)).rejects.toThrow("not offered");
    expect(await ask(says({ decision: "allow", remember: "60s" }), short)).toMatchObject({
      decision: "allow",
    });
  });

  it("can allow while what it is for lasts, where that is offered", async () => {
    const lasting = question({ choices: ["once", "lasting", ten], lasts: "terminal" });
    const told = `cat > '${lab.path("told")}'; ${says({ decision: "allow", remember: "lasting" })}`;
    expect(await ask(told, lasting)).toEqual({ decision: "allow", remember: "lasting" });
    expect(JSON.parse(readFileSync(lab.path("told"), "utf8")).answers[2]).toEqual({
      name: "allow while this terminal is open",
      answer: { decision: "allow", remember: "lasting" },
    });
    const run = question({ choices: ["once", "run"] });
    await expect(ask(says({ decision: "allow", remember: "lasting" }), run)).rejects.toThrow("not offered");
  });

  it("need not read the question", async () => {
    const large = question({ choices: ["once"] });
    large.caller = { ...large.caller, cmdline: ["x".repeat(1_000_000)] };
    expect(await ask(`echo '{"decision":"allow"}'`, large)).toMatchObject({ decision: "allow" });
  });

  it("gets the question as JSON, in the words of the log, with what can be answered", async () => {
    const asked = question({ because: "rule:agents", choices: ["once", ten] });
    await ask(
      `cat > '${lab.path("told")}'; echo "$1" > '${lab.path("words")}'; echo '{"decision":"deny"}'`,
      asked,
    );
    const told = JSON.parse(readFileSync(lab.path("told"), "utf8"));
    expect(readFileSync(lab.path("words"), "utf8")).toBe("an argument\n");
    expect(told).toMatchObject({
      time: asked.asked,
      id: asked.id,
      kind: "sign",
      because: "rule:agents",
      count: 1,
      timeoutMs: 60_000,
      verified: true,
      caller: { pid: asked.caller.pid, cmdline: asked.caller.cmdline },
      title: 'git "fetch" → github.com as git?',
      brief: expect.arrayContaining(['because: rule "agents"']),
      text: expect.arrayContaining([
        'git "fetch" → github.com as git?',
        "key: ssh-ed25519 SHA256:fingerprint-of-work",
        'because: rule "agents"',
      ]),
      answers: [
        { name: "deny", answer: { decision: "deny" } },
        { name: "allow once", answer: { decision: "allow", remember: "once" } },
        { name: "allow for 10 minutes", answer: { decision: "allow", remember: "10m" } },
      ],
    });
  });

  it.each([
    ["exec sleep 1000", "itself"],
    ["sleep 1000; echo '{}'", "with what it started"],
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

  it("gives no answer when it can't be started, and is not there when none is set", async () => {
    const made = (...command: string[]) =>
      createCommandApprover({ command, environment: lab.environment, toJson: questionEvent });
    await expect(made(lab.path("missing")).ask(question(), withdrawn.signal)).rejects.toThrow("ENOENT");
    expect(made().unavailable()).toBe("no command is set in config.toml");
    expect(made("/bin/true").unavailable()).toBeUndefined();
  });
});

describeWith(["ssh", "sshd"], "a login that a command is asked about", () => {
  const lab = new Lab();
  const key = lab.key("work");

  beforeAll(async () => {
    lab.environment.HOME = lab.folder;
    await lab.startAgent("upstream.sock", key);
    await lab.startServer("alpha.example", key);
  });
  afterAll(() => lab.close());

  const ssh = () => lab.muxguard("run", "--", "ssh", "-F", lab.sshConfig, "alpha.example", "echo in");

  it.each([
    ["as a path", 'command = "~/ask"'],
    ["with arguments", 'command = ["~/ask", "now"]'],
  ])("goes on after yes; the program is named %s", async (_, line) => {
    lab.config(`approvers = ["command"]\n${line}\n`);
    lab.script("ask", `#!/bin/sh\necho '{"decision":"allow","remember":"run"}'\n`);
    const { result, events } = await lab.logged(ssh);
    expect(result).toMatchObject({ code: 0, stdout: "in\n", stderr: "" });
    expect(events).toMatchObject([{ decision: "allow", by: "approver:command", remember: "run" }]);
  });

  it("is denied for the program's reason, and where the program fails", async () => {
    lab.config('approvers = ["command"]\ncommand = "~/ask"\n');
    lab.script("ask", `#!/bin/sh\necho '{"decision":"deny","reason":"it is night"}'\n`);
    expect((await ssh()).stderr).toContain("(it is night, through the command of config.toml)");
    lab.script("ask", "#!/bin/sh\necho no network >&2; exit 1\n");
    const { result, events } = await lab.logged(ssh);
    expect(result.stderr).toContain("nobody can be asked: command: exit code 1: no network");
    expect(events).toMatchObject([{ decision: "deny", by: "fault:approver" }]);
  });
});
