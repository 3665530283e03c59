/** What is remembered, and how it is forgotten; and the lock. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { finished, Lab, MUXGUARD, type Result } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";

describeWith(["ssh", "sshd"], "a remembered answer", () => {
  const lab = new Lab();
  const key = lab.key("work");

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", key);
    await lab.startServer("alpha.example", key);
    await lab.startDaemon();
  });
  beforeEach(async () => {
    await lab.muxguard("unlock");
    await lab.muxguard("forget", "--all");
  });
  afterAll(() => lab.close());

  /** All in one POSIX session: an approval covers no other. */
  function ssh(): Promise<Result> {
    const env = { ...lab.environment, SSH_AUTH_SOCK: lab.agentSocket };
    return finished(lab.start("ssh", ["-F", lab.sshConfig, "alpha.example", "echo in"], { env }));
  }

  /** Logs in, and returns the id of the question that was answered so. */
  async function answered(...answer: string[]): Promise<string> {
    const login = ssh();
    const [question] = await lab.pending();
    const [command = "", ...options] = answer;
    await lab.muxguard(command, question?.id ?? "", ...options);
    await login;
    return question?.id ?? "";
  }

  it("is listed, and forgotten by its id", async () => {
    const yes = await answered("approve", "--for", "2h");
    const { stdout } = await lab.muxguard("grants");
    expect(stdout).toMatch(
      new RegExp(`^${yes}  allow  .*ssh\\)?: log in to alpha.example as .*, for 2 hours\n$`),
    );
    expect((await ssh()).stdout).toBe("in\n");
    expect(await lab.muxguard("forget", yes)).toMatchObject({ code: 0, stdout: "forgot 1 answer\n" });
    expect((await lab.muxguard("grants")).stdout).toBe("nothing is remembered\n");
    await answered("approve", "--once");
  });

  it("may be a no, which is forgotten in the same way", async () => {
    const no = await answered("deny", "--for", "2h");
    expect((await ssh()).code).toBe(255);
    expect((await lab.muxguard("grants", "--json")).stdout).toContain(`{"id":"${no}","decision":"deny"`);
    await lab.muxguard("forget", no);
    expect(await answered("approve", "--once")).not.toBe(no);
  });

  it.each([
    [["nothing"], 1, "muxguard: no answer nothing is remembered (muxguard grants)\n"],
    [[], 64, "muxguard: which answer? its id (muxguard grants), or --all\n"],
    [[""], 64, "muxguard: which answer? its id (muxguard grants), or --all\n"],
    [["some", "--all"], 64, "muxguard: either the id of an answer or --all, not both\n"],
  ])("is not meant by forget %j", async (args, code, stderr) => {
    expect(await lab.muxguard("forget", ...args)).toMatchObject({ code, stderr });
  });

  it("is not meant by the beginning of an id that several have", async () => {
    const begins = new Map<string, number>();
    let begin: string | undefined;
    const sign = async (): Promise<void> => {
      const env = { ...lab.environment, SSH_AUTH_SOCK: lab.agentSocket };
      const name = `n${begins.size}-${Math.random()}`;
      const args = ["-q", "-Y", "sign", "-n", name, "-f", `${key}.pub`, lab.sshConfig];
      rmSync(`${lab.sshConfig}.sig`, { force: true });
      const signed = finished(lab.start("ssh-keygen", args, { env }));
      const id = (await lab.pending())[0]?.id ?? "";
      await lab.muxguard("approve", id);
      await signed;
      const [first = ""] = id;
      begins.set(first, (begins.get(first) ?? 0) + 1);
      if (begins.get(first) === 2) begin = first;
    };
    while (begin === undefined) await sign();
    const { stdout: before } = await lab.muxguard("grants");
    expect(await lab.muxguard("forget", begin)).toMatchObject({
      code: 1,
      stdout: "",
      stderr: `muxguard: several answers begin with ${begin} (muxguard grants)\n`,
    });
    const count = before.trim().split("\n").length;
    expect((await lab.muxguard("grants")).stdout.trim().split("\n")).toHaveLength(count);
    expect((await lab.muxguard("forget", "--all")).stdout).toBe(`forgot ${count} answers\n`);
  });

  it("may be a rule, which is listed and forgotten by its id, and stays with --all", async () => {
    const approved = lab.path("config/muxguard/approved.toml");
    await answered("approve", "--always");
    expect(await ssh()).toMatchObject({ code: 0, stdout: "in\n" });
    const written = readFileSync(approved, "utf8");
    writeFileSync(
      approved,
      `${written}\n# mine\n[[rule]]\nname = "mine"\naction = "allow"\nhost = "nowhere"\n`,
    );
    const { stdout } = await lab.muxguard("grants");
    const [line = "", mine = ""] = stdout.split("\n");
    expect(line).toMatch(
      /^\w{6} {2}allow {2}always: .*ssh\)?: log in to alpha\.example as .* \(approved\.toml\)$/,
    );
    expect(mine).toMatch(/^\w{6} {2}allow {2}mine \(approved\.toml\)$/);
    const json = (await lab.muxguard("grants", "--json")).stdout.trim().split("\n");
    expect(json.map((text) => JSON.parse(text))).toMatchObject([
      { decision: "allow", left: "always" },
      { what: "mine" },
    ]);
    expect((await lab.muxguard("forget", "--all")).stdout).toBe(
      "forgot 0 answers\n2 rules of approved.toml stay (muxguard forget ID)\n",
    );
    const id = line.slice(0, 6);
    const { events } = await lab.logged(async () => {
      const inside = await lab.muxguard("run", "--", process.execPath, MUXGUARD, "forget", id);
      expect(inside).toMatchObject({ code: 1, stderr: expect.stringMatching(/^muxguard: refused: /) });
      expect(await lab.muxguard("forget", id)).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^forgot the rule "always: .*alpha\.example/),
      });
    });
    expect(events).toMatchObject([
      { operation: "forget", decision: "deny" },
      { operation: "forget", decision: "allow", reason: expect.stringContaining('rule "always: ') },
    ]);
    expect(readFileSync(approved, "utf8")).toBe(
      `${written.slice(0, written.indexOf("\n[[rule]]"))}\n# mine\n[[rule]]\nname = "mine"\naction = "allow"\nhost = "nowhere"\n`,
    );
    await answered("approve", "--once"); // it is asked again
    rmSync(approved);
  }, 180_000);

  it("is forgotten by lock, which says what it has done; to do it again is told, and no mistake", async () => {
    await answered("approve", "--for", "2h");
    const waits = finished(
      lab.start("ssh-add", ["-D"], { env: { ...lab.environment, SSH_AUTH_SOCK: lab.agentSocket } }),
    );
    await lab.pending();
    const said = async (command: string) => {
      const { code, stdout } = await lab.muxguard(command);
      return { code, stdout };
    };
    expect(await said("lock")).toEqual({
      code: 0,
      stdout: "locked: everything is denied until muxguard unlock; 1 answer forgotten; 1 question denied\n",
    });
    await waits;
    expect(await said("lock")).toEqual({ code: 0, stdout: "muxguard is locked already (muxguard unlock)\n" });
    expect(await said("unlock")).toEqual({ code: 0, stdout: "unlocked\n" });
    expect(await said("unlock")).toEqual({ code: 0, stdout: "muxguard was not locked\n" });
  });

  it("leaves an entry in the log when it is forgotten, and so does the lock", async () => {
    const yes = await answered("approve", "--for", "2h");
    const { events } = await lab.logged(async () => {
      for (const command of [
        ["forget", yes],
        ["forget", "--all"],
        ["lock"],
        ["lock"],
        ["unlock"],
        ["unlock"],
      ])
        await lab.muxguard(...command);
    });
    expect(events.map(({ kind, operation, decision }) => `${kind} ${operation} ${decision}`)).toEqual([
      "admin forget allow",
      "admin lock-all allow",
      "admin unlock-all allow",
    ]);
    expect(events[0]).toMatchObject({ by: "default", reason: "asked for outside of any run", caller: {} });
  });

  it("is forgotten by lock, which denies everything until unlock, rules or not", async () => {
    await answered("approve", "--for", "2h");
    lab.policy('[[rule]]\nname = "all"\naction = "allow"\n');
    try {
      await lab.muxguard("lock");
      const { events } = await lab.logged(async () => expect((await ssh()).code).toBe(255));
      expect(events).toMatchObject([{ decision: "deny", by: "fault:locked" }]);
      expect((await lab.muxguard("status")).stdout).toContain("locked     everything is denied");
      expect((await lab.guardedSsh("alpha.example", "true")).code).toBe(255);
      await lab.muxguard("unlock");
      expect((await ssh()).stdout).toBe("in\n");
    } finally {
      lab.policy("");
    }
    expect((await lab.muxguard("grants")).stdout).toBe("nothing is remembered\n");
  });

  it("is not waited for under a lock: open questions are denied", async () => {
    const login = ssh();
    await lab.pending();
    const { events } = await lab.logged(async () => {
      await lab.muxguard("lock");
      expect((await login).code).toBe(255);
    });
    expect(events).toMatchObject([
      { operation: "lock-all", decision: "allow" },
      { by: "fault:locked", reason: "muxguard was locked" },
    ]);
  });

  it("is out of reach of what runs in a run, and so is the lock; that it tried is in the log", async () => {
    const yes = await answered("approve", "--for", "2h");
    const { events } = await lab.logged(async () => {
      for (const command of [["forget", yes], ["forget", "--all"], ["lock"], ["unlock"], ["grants"]]) {
        const inside = await lab.muxguard("run", "--", process.execPath, MUXGUARD, ...command);
        expect(inside).toMatchObject({ code: 1, stderr: expect.stringMatching(/^muxguard: refused: /) });
      }
    });
    expect(events.map(({ operation, decision }) => `${operation} ${decision}`)).toEqual([
      "forget deny",
      "forget deny",
      "lock-all deny",
      "unlock-all deny",
    ]);
    expect(existsSync(lab.path("runtime/muxguard/locked"))).toBe(false);
    expect((await ssh()).stdout).toBe("in\n");
  });
});

describeWith(["ssh", "sshd"], "a lock without a daemon", () => {
  const lab = new Lab();
  const key = lab.key("work");

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", key);
    await lab.startServer("alpha.example", key);
    lab.policy('[[rule]]\nname = "all"\naction = "allow"\n');
  });
  afterAll(() => lab.close());

  it("holds for runs that begin later, until unlock", async () => {
    await lab.muxguard("lock");
    expect(await lab.guardedSsh("alpha.example", "true")).toMatchObject({
      code: 255,
      stderr: expect.stringContaining("muxguard is locked (muxguard unlock)"),
    });
    await lab.muxguard("unlock");
    expect((await lab.guardedSsh("alpha.example", "echo in")).stdout).toBe("in\n");
  });

  it("once seen by a run is not ended by its file's end, but by unlock", async () => {
    await lab.muxguard("lock");
    const ssh = `ssh -F ${lab.sshConfig} alpha.example`;
    const script = `${ssh} true; rm ${lab.path("runtime/muxguard/locked")}; ${ssh} true; echo $?; read _; ${ssh} echo in`;
    const child = lab.start(process.execPath, [MUXGUARD, "run", "--", "/bin/sh", "-c", script], {
      detached: true,
    });
    const result = finished(child);
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    await lab.muxguard("unlock");
    child.stdin?.end("\n");
    expect((await result).stdout).toBe("255\nin\n");
  });
});
