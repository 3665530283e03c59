/** Answers in few words: without an id, with a note; and what the program that asks says of itself. */
import { userInfo } from "node:os";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { finished, Lab, MUXGUARD, type Result } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";

const user = userInfo().username;

describeWith(["ssh", "sshd", "git"], "a question", () => {
  const lab = new Lab();
  const key = lab.key("work");
  const ssh = `ssh -F ${lab.sshConfig}`;
  const pending: Promise<unknown>[] = [];

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", key);
    await lab.startServer("alpha.example", key);
    await lab.startServer("beta.example", key);
    await lab.startDaemon();
  });
  afterEach(async () => {
    for (const { id } of await lab.pending(0).catch(() => lab.pending(1))) await lab.muxguard("deny", id);
    await Promise.all(pending.splice(0));
    await lab.muxguard("forget", "--all");
  });
  afterAll(() => lab.close());

  /** A script of sh that uses the daemon's agent, or in a run. */
  function start(script: string, run: string[] = []): Promise<Result> {
    const env = { ...lab.environment, SSH_AUTH_SOCK: lab.agentSocket };
    const words = ["/bin/sh", "-c", `${script}; :`];
    const [program = "", ...args] =
      run.length > 0 ? [process.execPath, MUXGUARD, "run", ...run, ...words] : words;
    const result = finished(lab.start(program, args, { env, detached: true, stdio: "pipe" }));
    pending.push(result);
    return result;
  }

  it("is answered without an id where it is the only one", async () => {
    const nothing = { code: 1, stderr: "muxguard: nothing waits for an answer\n" };
    expect(await lab.muxguard("approve")).toMatchObject(nothing);
    expect(await lab.muxguard("deny")).toMatchObject(nothing);
    const allowed = start(`${ssh} alpha.example echo in`);
    await lab.pending();
    expect((await lab.muxguard("approve", "--once")).stdout).toMatch(
      /^allowed once: log in to alpha\.example /,
    );
    expect((await allowed).stdout).toBe("in\n");
    start(`${ssh} alpha.example echo in`);
    await lab.pending();
    expect((await lab.muxguard("deny")).stdout).toMatch(/^denied: log in to alpha\.example /);
    expect(await lab.muxguard("deny", "")).toMatchObject({ code: 1 });
  });

  it("is one of several that an answer without an id lists, and leaves open", async () => {
    start(`ssh-keygen -Y sign -n file -f ${key}.pub < ${lab.sshConfig}`);
    start("ssh-add -D");
    const ids = (await lab.pending(2)).map(({ id }) => id);
    for (const verb of ["approve", "deny"]) {
      const { code, stderr } = await lab.muxguard(verb);
      const [first, ...lines] = stderr.trimEnd().split("\n");
      expect(code).toBe(1);
      expect(first).toBe(`muxguard: several questions wait; say which one: muxguard ${verb} ID`);
      expect(lines.map((line) => line.trim().split(" ")[0]).sort()).toEqual([...ids].sort());
      expect(lines.join("\n")).toContain(': sign for "file" with key "work"');
    }
    await lab.pending(2);
    for (const id of ids) await lab.muxguard("deny", id);
  });

  it("is denied with a note, which its user reads, and again when it is tried again", async () => {
    const note = 'use "staging"\x1b[2J';
    const run = ["--scope", "notes", "--"];
    const denied = start(`${ssh} alpha.example true; ${ssh} alpha.example true`, run);
    const [question] = await lab.pending();
    const { result, events } = await lab.logged(async () => {
      await lab.muxguard("deny", question?.id ?? "", "--note", note);
      return denied;
    });
    const told = result.stderr.split("\n").filter((line) => line.startsWith("muxguard: denied: "));
    const shown = '; note: "use \\"staging\\"\\x1b[2J")';
    expect(told).toEqual([
      `muxguard: denied: log in to alpha.example as ${user} with key "work" (you said no, with muxguard approve or deny${shown}`,
      expect.stringMatching(
        /\(you denied the same before; to be asked again: muxguard forget \w+; note: "use /,
      ),
    ]);
    expect(events).toMatchObject([
      { decision: "deny", by: "approver:queue", note },
      { decision: "deny", by: `grant:${question?.id}`, note },
    ]);
    expect((await lab.muxguard("log")).stdout).toContain(shown.slice(0, -1));
  });

  it("shows why it is asked, as its program claims, and the log has it", async () => {
    const why = "release 2.1\n\u202eallow";
    const shown = 'reason (claimed): "release 2.1\\n\\u{202e}allow"';
    const claimed = start(
      `MUXGUARD_REASON='${why}' GIT_SSH_COMMAND="${ssh}" git ls-remote ssh://beta.example/x`,
    );
    const [question] = await lab.pending();
    expect(question?.why).toBe(why);
    expect((await lab.muxguard("pending")).stdout).toContain(`${shown}\n`);
    const { events } = await lab.logged(async () => {
      await lab.muxguard("approve", "--once");
      await claimed;
    });
    expect(events[0]).toMatchObject({ decision: "allow", why });
  });

  it("shows what its run is for, unless the program says something else", async () => {
    const run = ["--why", "nightly build", "--"];
    const sign = `ssh-keygen -Y sign -n file -f ${key}.pub < ${lab.sshConfig}`;
    for (const [line, why] of [
      [sign, "nightly build"],
      [`env -i PATH="$PATH" SSH_AUTH_SOCK="$SSH_AUTH_SOCK" ${sign}`, "nightly build"],
      [`MUXGUARD_REASON=mine ${sign}`, "mine"],
    ] as const) {
      const done = start(line, run);
      expect((await lab.pending())[0]?.why).toBe(why);
      await lab.muxguard("approve", "--once");
      expect(await done).toMatchObject({ code: 0 });
    }
  });

  it("says no reason where none is given, and one changes nothing about what an answer covers", async () => {
    const done = start(`${ssh} alpha.example echo one; MUXGUARD_REASON=other ${ssh} alpha.example echo two`);
    const [question] = await lab.pending();
    expect(question?.why).toBeUndefined();
    await lab.muxguard("approve", "--for", "1m");
    expect((await done).stdout).toBe("one\ntwo\n");
  });
});
