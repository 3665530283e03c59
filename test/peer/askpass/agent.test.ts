/** `ssh-add -c`: a real agent asks muxguard-askpass before each use of a key. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { ASKPASS, AskpassLab } from "../../../lab/askpass-lab.ts";
import { PrivateBus } from "../../../lab/desktop/bus.ts";
import { StubServer } from "../../../lab/desktop/notification-server.ts";
import { ended, MUXGUARD, type Result, until } from "../../../lab/lab.ts";
import { attempt } from "../../../src/attempt.ts";
import { describeWith } from "../tools.ts";

/** How long a notification takes no clicks, and a little more. */
const DEAF_FOR = 1100;

const HOST = "prod.example";
const RULE = '[[rule]]\nname = "work"\non = ["confirm"]\nkey = "work"\naction = "allow"\n';

const fingerprintOf = (key: string): string =>
  execFileSync("ssh-keygen", ["-l", "-f", key], { encoding: "utf8" }).split(" ")[1] ?? "";

async function openLab(): Promise<AskpassLab> {
  const lab = new AskpassLab();
  const key = lab.key("work");
  await lab.startServer(HOST, key);
  await lab.startAgent();
  execFileSync("ssh-add", ["-q", "-c", key], { env: lab.environment, stdio: "pipe" });
  return lab;
}

const login = (lab: AskpassLab): Promise<Result> => lab.run("ssh", ["-F", lab.sshConfig, HOST, "echo in"]);

describeWith(["ssh", "sshd"], "a key that asks at each use, without a daemon", () => {
  let lab: AskpassLab;
  beforeAll(async () => {
    lab = await openLab();
  });
  afterAll(() => lab.close());

  it("is used if a rule allows it, and the log says for which key, and that the agent asked", async () => {
    lab.policy(RULE);
    const { result, events } = await lab.logged(() => login(lab));
    expect(result).toMatchObject({ code: 0, stdout: "in\n" });
    const key = { fingerprint: fingerprintOf(lab.path("work")), comment: "work" };
    expect(events).toMatchObject([
      { kind: "confirm", operation: "use-key", decision: "allow", by: "rule:work", key },
    ]);
    // ssh-agent can't be traced, and to all but root the kernel then doesn't tell its executable
    expect(events[0]?.caller).toMatchObject(
      process.getuid?.() === 0
        ? { exe: "/usr/bin/ssh-agent" }
        : { cmdline: [expect.stringMatching("ssh-agent"), "-D", "-a", expect.anything()] },
    );
  });

  it("is not used if a rule denies it, or if nobody can be asked", async () => {
    for (const [policy, by] of [
      [RULE.replace("allow", "deny"), "rule:work"],
      ["", "fault:approver"],
    ] as const) {
      lab.policy(policy);
      const { result, events } = await lab.logged(() => login(lab));
      expect(result.code).toBe(255);
      expect(events).toMatchObject([{ decision: "deny", by }]);
    }
  });

  it("is not used if the policy is broken", async () => {
    lab.policy("[[rule]]\naction = 1\n");
    expect((await login(lab)).code).toBe(255);
  });

  it("is not used while muxguard is locked, whatever the rules say", async () => {
    lab.policy(RULE);
    await lab.muxguard("lock");
    onTestFinished(async () => void (await lab.muxguard("unlock")));
    const { result, events } = await lab.logged(() => login(lab));
    expect(result.code).toBe(255);
    expect(events).toMatchObject([{ decision: "deny", by: "fault:locked" }]);
  });

  it("is asked about through the user's other program, once each time", async () => {
    lab.policy("");
    const heard = lab.person("yes");
    onTestFinished(() => lab.config(""));
    const { result, events } = await lab.logged(() => login(lab));
    expect(result.stdout).toBe("in\n");
    expect(events).toMatchObject([{ by: "approver:askpass", remember: "once" }]);
    expect(heard()).toMatch(/^muxguard: ssh-agent: may key "work" be used( to log in as \S+)?\?\n/);
    expect(heard()).toContain("by whom: any program that reaches it may have asked");
    expect(heard()).toContain("Allow it once?");
  });

  it("is not taken for another one whose fingerprint its comment names", async () => {
    const real = fingerprintOf(lab.path("work"));
    const key = lab.key("evil", "-C", `work?\nKey fingerprint ${real}.`);
    execFileSync("ssh-add", ["-q", "-c", key], { env: lab.environment, stdio: "pipe" });
    writeFileSync(lab.path("text"), "text");
    lab.policy(RULE);
    const sign = ["-Y", "sign", "-n", "file", "-f", `${key}.pub`, lab.path("text")];
    const { result, events } = await lab.logged(() => lab.run("ssh-keygen", sign));
    expect(result.code).not.toBe(0);
    expect(events).toMatchObject([{ decision: "deny", by: "fault:approver", data: "opaque" }]);
    expect(events[0]?.key).toBeUndefined();
  });
});

describeWith(["ssh", "bus"], "a key that asks at each use, without a daemon but with a desktop", () => {
  const lab = new AskpassLab();
  let bus: PrivateBus;
  let server: StubServer;
  let sign: string[];
  beforeAll(async () => {
    const key = lab.key("work");
    bus = await PrivateBus.start(lab.folder);
    server = await StubServer.start(await bus.client());
    lab.environment.DBUS_SESSION_BUS_ADDRESS = bus.address;
    await lab.startAgent();
    execFileSync("ssh-add", ["-q", "-c", key], { env: lab.environment, stdio: "pipe" });
    writeFileSync(lab.path("text"), "text");
    sign = ["-Y", "sign", "-n", "file", "-f", `${key}.pub`, lab.path("text")];
  });
  beforeEach(() => rmSync(lab.path("text.sig"), { force: true }));
  afterAll(async () => {
    await bus.close();
    await lab.close();
  });

  it("is asked about with a notification, which goes with the answer", async () => {
    const before = server.notified.length;
    const result = lab.run("ssh-keygen", sign);
    const asked = await server.nth(before + 1);
    expect(asked.title).toContain('may key "work" be used?');
    expect(asked.actions.filter((_, at) => at % 2 === 1)).toEqual(["deny", "allow once"]);
    const shown = performance.now();
    await until(() => performance.now() - shown > DEAF_FOR, "clicks to count");
    server.press(asked, "allow once");
    expect(await result).toMatchObject({ code: 0 });
    expect(lab.log().at(-1)).toMatchObject({ by: "approver:notification", remember: "once" });
    await server.isClosed(asked.id);
  });

  it("is no longer asked about there when muxguard-askpass is stopped", async () => {
    const before = server.notified.length;
    const asking = lab.start(ASKPASS, ["Allow shared connection to x? "], {
      env: { ...lab.environment, SSH_ASKPASS_PROMPT: "confirm" },
      detached: true,
    });
    const { id } = await server.nth(before + 1);
    asking.kill("SIGTERM");
    await ended(asking);
    await server.isClosed(id);
    expect(asking.exitCode).toBe(1);
    expect(lab.log().at(-1)).toMatchObject({ decision: "deny", by: "fault:withdrawn" });
  });

  it("is asked about by a program of the user's own, beside the notification", async () => {
    const program = lab.script(
      "asks",
      `#!/bin/sh\ncat > '${lab.path("asked")}'\necho '{ "decision": "allow" }'\n`,
    );
    lab.config(`approvers = ["notification", "command"]\ncommand = "${program}"\n`);
    expect(await lab.run("ssh-keygen", sign)).toMatchObject({ code: 0 });
    expect(readFileSync(lab.path("asked"), "utf8")).toContain('"name":"allow once"');
    expect(lab.log().at(-1)).toMatchObject({ by: "approver:command", remember: "once" });
    for (const { id } of server.notified) await server.isClosed(id);
  });
});

describeWith(["ssh", "sshd"], "a key that asks at each use, with the daemon", () => {
  let lab: AskpassLab;
  beforeAll(async () => {
    lab = await openLab();
    await lab.startDaemon();
  });
  afterAll(() => lab.close());

  it("is used when it is approved, and then for as long as that said", async () => {
    const first = login(lab);
    const [question] = await lab.pending();
    expect(question).toMatchObject({ request: { kind: "confirm", operation: "use-key" } });
    await lab.muxguard("approve", question?.id ?? "");
    expect(await first).toMatchObject({ code: 0, stdout: "in\n" });
    const { result, events } = await lab.logged(() => login(lab));
    expect(result).toMatchObject({ code: 0, stdout: "in\n" });
    expect(events).toMatchObject([{ by: `grant:${question?.id}` }]);
  });

  it("is not used by another agent on the same approval, and not when that is denied", async () => {
    const upstream = lab.environment.SSH_AUTH_SOCK;
    await lab.startAgent("second.sock");
    execFileSync("ssh-add", ["-q", "-c", lab.path("work")], { env: lab.environment, stdio: "pipe" });
    const asked = login(lab);
    const [question] = await lab.pending();
    await lab.muxguard("deny", question?.id ?? "");
    expect((await asked).code).toBe(255);
    lab.environment.SSH_AUTH_SOCK = upstream;
  });

  it("is no longer asked about when whoever asks is gone", async () => {
    const asking = lab.start("/bin/sh", ["-c", `'${ASKPASS}' 'Allow shared connection to x? '; exit`], {
      env: { ...lab.environment, SSH_ASKPASS_PROMPT: "confirm" },
    });
    await lab.pending();
    const { events } = await lab.logged(async () => {
      asking.kill("SIGKILL");
      await ended(asking);
      await lab.pending(0);
    });
    expect(events).toMatchObject([{ decision: "deny", by: "fault:withdrawn" }]);
  });
});

describeWith(["ssh"], "a question from inside of a run", () => {
  const QUESTION = "Allow shared connection to x? ";
  const lab = new AskpassLab();
  const inRun = (line: string): Promise<Result> =>
    lab.run(process.execPath, [MUXGUARD, "run", "--scope", "inner", "--", "/bin/sh", "-c", line], {
      environment: { SSH_ASKPASS_PROMPT: "confirm" },
    });
  const POLICY = '[[rule]]\non = ["confirm"]\nscope = "inner"\naction = "allow"\n';
  beforeEach(() => lab.policy(POLICY));
  afterAll(() => lab.close());

  describe.each(["a guard of its own", "the daemon"])("with %s", (guard) => {
    beforeAll(async () => {
      if (guard === "the daemon") await lab.startDaemon();
    });

    it("is decided as the run's", async () => {
      const { result, events } = await lab.logged(() => inRun(`'${ASKPASS}' '${QUESTION}'`));
      expect(result).toMatchObject({ code: 0, stdout: "yes\n", stderr: "" });
      expect(events).toMatchObject([{ decision: "allow", caller: { scope: "inner" } }]);
    });

    it("gets no answer from elsewhere if the run's guard is passed over", async () => {
      const { result, events } = await lab.logged(() =>
        inRun(`unset MUXGUARD_PROMPTS; '${ASKPASS}' '${QUESTION}'; exit $?`),
      );
      // the daemon knows its own runs, whichever socket they come to
      if (guard === "the daemon") expect(events).toMatchObject([{ caller: { scope: "inner" } }]);
      else expect(result).toMatchObject({ code: 1, stdout: "" });
    });

    it("gets a no and its reason", async () => {
      lab.policy(POLICY.replace("allow", "deny"));
      const { code, stdout, stderr } = await inRun(`'${ASKPASS}' '${QUESTION}'; exit $?`);
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toMatch(/^muxguard: denied: share its connection to "x" \(rule /);
    });
  });

  it("gets no answer once the run is over", async () => {
    const { result, events } = await lab.logged(() =>
      lab.run(ASKPASS, [QUESTION], {
        environment: { SSH_ASKPASS_PROMPT: "confirm", MUXGUARD_PROMPTS: lab.path("gone") },
      }),
    );
    expect(result).toMatchObject({ code: 1, stdout: "" });
    expect(events).toEqual([]);
  });
});

describeWith(["ssh"], "ssh-add and a key with a passphrase", () => {
  const SECRET = "correct horse";
  const lab = new AskpassLab();
  beforeAll(() => lab.startAgent());
  afterAll(() => lab.close());

  it("gets it through the user's other program, and it is written down nowhere", async () => {
    const key = lab.key("locked", "-N", SECRET);
    const heard = lab.person(SECRET);
    expect(await lab.run("ssh-add", [key])).toMatchObject({ code: 0 });
    expect(heard()).toBe(`Enter passphrase for ${key}: \n`);
    expect(lab.log()).toEqual([]);
    expect(execFileSync("ssh-add", ["-l"], { env: lab.environment, encoding: "utf8" })).toContain("locked");
  });

  it("gets none where nobody can be asked", async () => {
    lab.config("");
    const { code, stdout, stderr } = await lab.ask("Enter passphrase for x: ");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toBe(
      'muxguard-askpass: nobody can be asked for "Enter passphrase for x:": no terminal; no tmux server; no other askpass program\n',
    );
  });

  it("gets none from a program that leads back to muxguard-askpass", async () => {
    const program = lab.script(
      "loop",
      `#!/bin/sh\necho again >> '${lab.path("loops")}'\nexec '${ASKPASS}' "$@"\n`,
    );
    lab.config(`askpass = "${program}"\n`);
    expect(await lab.ask("Enter passphrase for x: ")).toMatchObject({ code: 1, stdout: "" });
    expect(readFileSync(lab.path("loops"), "utf8")).toBe("again\n");
  });
});

describeWith(["ssh"], "a notice", () => {
  const lab = new AskpassLab();
  afterAll(() => lab.close());

  it("is shown by the user's other program, with its hint, until it is killed", async () => {
    const shown = lab.path("shown");
    const program = lab.script(
      "notice",
      `#!/bin/sh\necho "$$ $SSH_ASKPASS_PROMPT $1" > '${shown}.new'; mv '${shown}.new' '${shown}'; exec sleep 1000\n`,
    );
    lab.config(`askpass = "${program}"\n`);
    const notice = lab.start(ASKPASS, ["Confirm user presence for key ED25519-SK SHA256:x"], {
      env: { ...lab.environment, SSH_ASKPASS_PROMPT: "none" },
      detached: true,
      stdio: "ignore",
    });
    const text = (): string => attempt(() => readFileSync(shown, "utf8")) ?? "";
    await until(() => text() !== "", "the notice");
    const [, pid, rest] = /^(\d+) (.*)\n$/.exec(text()) ?? [];
    expect(rest).toBe("none Confirm user presence for key ED25519-SK SHA256:x");
    expect(notice.exitCode).toBeNull();
    notice.kill("SIGTERM");
    await ended(notice);
    await until(() => !existsSync(`/proc/${pid}`), "the end of the program");
  });
});
