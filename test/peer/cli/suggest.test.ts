/** `muxguard suggest`, on the log of real logins and signatures that somebody was asked about. */
import type { ChildProcess } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { userInfo } from "node:os";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { FLEET, keepStatements, makeSigner, policyOf } from "../../../lab/fleet/kept-policy.ts";
import { ended, Lab, MUXGUARD } from "../../../lab/lab.ts";
import { Terminal } from "../../../lab/terminal/terminal.ts";
import type { Question } from "../../../src/policy/question.ts";
import { describeWith } from "../tools.ts";

interface Suggested {
  name: string;
  rule: { host?: string; namespace?: string };
  toml: string;
  answers: number;
  asked: number;
  examples: { id: string; what: string }[];
  also: { id: string; what: string; decision: string; by: string }[];
}

describeWith(["ssh", "sshd", "tmux"], "muxguard suggest", () => {
  const lab = new Lab();
  const key = lab.key("work");
  const user = userInfo().username;
  const approved = lab.path("config/muxguard/approved.toml");
  let daemon: ChildProcess;
  let person: Terminal;
  let lines = 0;

  beforeAll(async () => {
    lab.config('approvers = ["queue"]\n');
    await lab.startAgent("upstream.sock", key);
    for (const host of ["alpha.example", "beta.example"]) await lab.startServer(host, key);
    lab.script("muxguard", `#!/bin/sh\nexec '${process.execPath}' '${MUXGUARD}' "$@"\n`);
    daemon = await lab.startDaemon();
    person = openTerminal();
    for (const host of ["alpha", "beta", "alpha", "beta", "alpha"]) await allowed(ssh(host));
    for (let times = 0; times < 2; times++) await allowed(sign());
    person.enter(asTyped(toHost("beta")));
    await lab.pending();
    person.press("C-c");
    await lab.pending(0);
  }, 120_000);
  beforeEach(() => rmSync(approved, { force: true }));
  afterAll(async () => {
    person.close();
    await lab.close();
  });

  /** Typed by a person. Resolves with the exit code. */
  async function typed(command: string): Promise<number> {
    const mark = `line ${++lines}`;
    person.enter(`clear; ${asTyped(command)}; echo "${mark} ended: $?"`);
    await person.shows(new RegExp(`^${mark} ended: \\d+$`, "m"));
    return Number(new RegExp(`^${mark} ended: (\\d+)$`, "m").exec(person.screen())?.[1]);
  }
  const asTyped = (command: string): string => `SSH_AUTH_SOCK=${lab.agentSocket} ${command}`;
  const toHost = (host: string): string => `ssh -F ${lab.sshConfig} ${host}.example true`;
  const ssh = (host: string): Promise<number> => typed(toHost(host));
  const sign = (): Promise<number> =>
    typed(`ssh-keygen -q -Y sign -n release -f ${key}.pub < ${lab.sshConfig} > ${lab.path("signature")}`);

  /** Asked about, and allowed once. */
  async function allowed(waits: Promise<number>): Promise<Question> {
    const [question] = await lab.pending();
    if (!question) throw new Error("no question");
    await lab.muxguard("approve", question.id, "--once");
    expect(await waits).toBe(0);
    return question;
  }

  async function suggestions(): Promise<Suggested[]> {
    const { code, stdout } = await lab.muxguard("suggest", "--json");
    expect(code).toBe(0);
    return stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));
  }

  /** A day begins for the guard: it has told of nothing yet. */
  async function restart(config: string): Promise<void> {
    daemon.kill("SIGTERM");
    await ended(daemon);
    rmSync(lab.path("state/muxguard/told.json"), { force: true });
    lab.config(`approvers = ["queue"]\n${config}`);
    daemon = await lab.startDaemon();
  }

  function openTerminal(): Terminal {
    const env = { ...lab.environment, PATH: `${lab.folder}:${process.env.PATH}` };
    return new Terminal(env, lab.folder);
  }

  it("proposes a rule for several hosts and one for signatures, and says what they would let through", async () => {
    const [logins, signatures, ...more] = await suggestions();
    expect(more).toEqual([]);
    expect(logins).toMatchObject({
      name: `always: ssh: log in to 2 hosts as ${user} with key 'work'`,
      rule: { host: "alpha.example,beta.example", programs: ["/usr/bin/ssh"] },
      answers: 5,
      asked: 7,
    });
    const ids = lab.log().flatMap(({ id, by }) => (by === "approver:queue" ? [id] : []));
    expect(logins?.examples.map(({ id }) => id)).toEqual(ids.slice(0, 5));
    expect(logins?.examples[0]?.what).toContain(`log in to alpha.example as ${user}`);
    expect(logins?.also).toMatchObject([
      { what: expect.stringContaining("beta.example"), decision: "deny", by: "fault:withdrawn" },
    ]);
    expect(signatures).toMatchObject({ rule: { namespace: "release" }, answers: 2, asked: 7, also: [] });
    expect(signatures?.examples.map(({ id }) => id)).toEqual(ids.slice(5));
    expect(existsSync(approved)).toBe(false);
  });

  it("writes nothing where it has no terminal", async () => {
    const { code, stdout } = await lab.muxguard("suggest");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^1\. always: [\s\S]*\nnothing is written: muxguard suggest in a terminal /);
    expect(existsSync(approved)).toBe(false);
  });

  it("offers them on a terminal, where Ctrl-C and a bare Enter write nothing", async () => {
    const terminal = openTerminal();
    try {
      for (const keys of [["Space", "C-c"], ["Enter"]]) {
        terminal.enter("clear; muxguard suggest; echo code $?");
        await terminal.shows(/Which rules are to be written\?[\s\S]*◯ 1\. always: [\s\S]*◯ 2\. always: /);
        for (const key of keys) {
          terminal.press(key);
          if (key === "Space") await terminal.shows(/◉ 1\. always: /);
        }
        await terminal.shows("nothing is written\ncode 0");
        expect(existsSync(approved)).toBe(false);
      }
    } finally {
      terminal.close();
    }
  }, 60_000);

  it("writes the one that is picked, and what it allows is not asked about again", async () => {
    const [, signatures] = await suggestions();
    const terminal = openTerminal();
    try {
      terminal.enter("muxguard suggest; echo code $?");
      await terminal.shows(/it would also have let through:\n.*beta\.example.*was denied/);
      await terminal.shows(/❯◯ 1\. always: /);
      terminal.press("Down");
      await terminal.shows(/❯◯ 2\. always: /);
      terminal.press("Space");
      await terminal.shows(/❯◉ 2\. always: /);
      terminal.press("Enter");
      await terminal.shows("1 rule written to approved.toml (muxguard grants)\ncode 0");
    } finally {
      terminal.close();
    }
    expect(readFileSync(approved, "utf8").endsWith(`\n${signatures?.toml}`)).toBe(true);
    expect(readFileSync(approved, "utf8").match(/^\[\[rule\]\]$/gm)).toHaveLength(1);
    const { events } = await lab.logged(async () => expect(await sign()).toBe(0));
    expect(events).toMatchObject([{ decision: "allow", by: `rule:${signatures?.name}` }]);
    expect((await suggestions()).map(({ rule }) => rule.host)).toEqual(["alpha.example,beta.example"]);
    await allowed(ssh("alpha")); // nobody has picked the other one
  }, 60_000);

  it("is refused inside of a run, where somebody could pick what they want", async () => {
    const terminal = openTerminal();
    try {
      terminal.enter("muxguard run -- muxguard suggest; echo code $?");
      await terminal.shows(/refused: inside of a muxguard run\n[\s\S]*code 1/);
      expect(terminal.screen()).not.toContain("Which rules");
    } finally {
      terminal.close();
    }
    expect(existsSync(approved)).toBe(false);
  }, 60_000);

  it('is told of once a day, with the first question, and not with suggest = "off"', async () => {
    await restart('suggest = "off"\n');
    const first = await allowed(ssh("alpha"));
    expect(first.tip).toBeUndefined();
    expect(first.approvals).toBeGreaterThan(2); // what the guard before this one was told
    expect(await allowed(ssh("alpha"))).toMatchObject({ approvals: (first.approvals ?? 0) + 1 });
    await restart("");
    const waits = ssh("alpha");
    const [question] = await lab.pending();
    expect(question?.tip).toMatch(
      /^muxguard suggest: 2 rules would have answered \d+ of your last \d+ questions$/,
    );
    expect((await lab.muxguard("pending")).stdout).toContain(question?.tip);
    await allowed(waits);
    expect((await allowed(ssh("alpha"))).tip).toBeUndefined();
  }, 60_000);

  it("proposes nothing that a fleet's policy would overrule, and tells of no such rule", async () => {
    const rule = (fields: string): string => `[[rule]]\n${fields}\n`;
    const toml = [
      rule('host = "beta.example"\naction = "deny"'),
      rule('namespace = "release"\naction = "ask"\nremember = "never"'),
    ];
    await keepStatements(lab, makeSigner(lab), policyOf(toml.join("")));
    await restart(FLEET);
    expect((await suggestions()).map((one) => one.rule)).toMatchObject([{ host: "alpha.example" }]);
    const waits = ssh("alpha");
    const [question] = await lab.pending();
    expect(question?.tip).toMatch(/^muxguard suggest: one rule would have answered/);
    await allowed(waits);
  }, 60_000);
});

describeWith(["ssh", "sshd", "tmux"], "a run that has a guard of its own", () => {
  const lab = new Lab();
  const key = lab.key("work");
  beforeAll(async () => {
    lab.config('approvers = ["terminal"]\n');
    await lab.startAgent("upstream.sock", key);
    await lab.startServer("alpha.example", key);
    lab.script("muxguard", `#!/bin/sh\nexec '${process.execPath}' '${MUXGUARD}' "$@"\n`);
  });
  afterAll(() => lab.close());

  it("offers a rule for what was approved in the runs before it", async () => {
    const env = { ...lab.environment, PATH: `${lab.folder}:${process.env.PATH}` };
    const terminal = new Terminal(env, lab.folder, "bash --norc --noprofile", 80, 40);
    try {
      for (const nth of [1, 2, 3]) {
        terminal.enter(
          `clear; muxguard run --scope work ssh -F ${lab.sshConfig} alpha.example true; echo "code $?"`,
        );
        await terminal.isAsked();
        const offers =
          /allowed 2 times; "always" writes a rule on key, host_key, user, programs\n +"always: ssh/;
        if (nth === 3) expect(terminal.screen()).toMatch(offers);
        else expect(terminal.screen()).not.toContain("always: ");
        terminal.press("Down");
        await terminal.shows("❯ allow once");
        terminal.press("Enter");
        await terminal.shows("code 0");
      }
    } finally {
      terminal.close();
    }
  }, 60_000);
});
