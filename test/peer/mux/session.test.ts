/** Sessions over a guarded control socket are what they are over one that is not guarded. */
import { existsSync, readFileSync } from "node:fs";
import { beforeAll, expect, it } from "vitest";
import { until } from "../../../lab/lab.ts";
import { HOST, MuxLab } from "../../../lab/mux-lab.ts";
import { opened } from "../opened.ts";
import { describeWith } from "../tools.ts";

describeWith(["ssh", "sshd"], "a session over a guarded control socket", () => {
  const lab = opened(new MuxLab());
  let plain: string[] = [];
  beforeAll(async () => {
    await lab.startMaster();
    plain = await lab.startPlainMaster();
  });

  const everything = { code: 0, stdout: "", stderr: "" };
  const sessions: Record<string, { args: string[]; input?: string; gives: object }> = {
    "exit code 0": { args: [HOST, "true"], gives: everything },
    "exit code 1": { args: [HOST, "false"], gives: { ...everything, code: 1 } },
    "exit code 3": { args: [HOST, "exit 3"], gives: { ...everything, code: 3 } },
    "exit code 255": { args: [HOST, "exit 255"], gives: { ...everything, code: 255 } },
    "a command that a signal ends": { args: [HOST, "kill -9 $$"], gives: { code: 255, stdout: "" } },
    "a command that does not exist": { args: [HOST, "no-such-command"], gives: { code: 127, stdout: "" } },
    "stderr apart from stdout": {
      args: [HOST, "echo out; echo err >&2; echo more"],
      gives: { stdout: "out\nmore\n", stderr: "err\n" },
    },
    "a variable of the client's (SendEnv)": { args: [HOST, 'echo "$LC_GUARD"'], gives: { stdout: "sent\n" } },
    "a variable of the configuration's (SetEnv)": {
      args: [HOST, 'echo "$GREETING"'],
      gives: { stdout: "hello\n" },
    },
    "a variable of the command line's (SetEnv)": {
      args: ["-o", "SetEnv=LC_OTHER=there", HOST, 'echo "$LC_OTHER"'],
      gives: { stdout: "there\n" },
    },
    "stdin that has ended": { args: [HOST, "cat; echo end"], gives: { stdout: "end\n" } },
    "stdin that is long": {
      args: [HOST, "wc -c"],
      input: "x".repeat(1_000_000),
      gives: { stdout: "1000000\n" },
    },
    "stdin that the command does not read": { args: [HOST, "true"], input: "x".repeat(1_000_000), gives: {} },
    "no stdin (-n)": { args: ["-n", HOST, "cat; echo end"], input: "unread", gives: { stdout: "end\n" } },
    "a shell that reads its commands from stdin": {
      args: ["-T", HOST],
      input: "echo in; exit 4\n",
      gives: { code: 4, stdout: /^(?:.*\n)?in\n$/s },
    },
    "a subsystem that does not exist": { args: ["-s", HOST, "nothing"], gives: { stdout: "" } },
    "a command with quotes, newlines and bytes that are no letters": {
      args: [HOST, "printf '%s\\n' \"a  b\" 'c\n\td' é"],
      gives: { stdout: "a  b\nc\n\td\né\n" },
    },
  };

  it.each(Object.entries(sessions))("%s", async (_, { args, input = "", gives }) => {
    const options = { environment: { LC_GUARD: "sent" }, input };
    const ssh = (...more: string[]) => lab.run("ssh", ["-F", lab.sshConfig, ...more, ...args], options);
    const connections = lab.connections();
    const { result, events } = await lab.logged(() => ssh());
    const { stdout, ...others } = gives as { stdout?: string | RegExp };
    expect(result).toMatchObject(others);
    if (stdout instanceof RegExp) expect(result.stdout).toMatch(stdout);
    else if (stdout !== undefined) expect(result.stdout).toBe(stdout);
    const environment = expect.arrayContaining(["LC_GUARD"]);
    expect(lab.told).toBe("");
    expect(events).toMatchObject([
      { kind: "session", by: "default", how: "host key known", verified: true, environment },
    ]);
    expect(result).toEqual(await ssh(...plain));
    expect(lab.connections()).toBe(connections);
  });

  it("in the background (-f) goes on when its client has left", async () => {
    const done = lab.path("done");
    const { code } = await lab.shell(`$ssh -f ${HOST} 'cat; echo done > ${done}' < /dev/null`);
    expect(code).toBe(0);
    await until(() => existsSync(done), "the command in the background");
  });

  it("100 at once all give what they were asked for", async () => {
    const numbers = Array.from({ length: 100 }, (_, at) => at);
    const { result, events } = await lab.logged(() =>
      Promise.all(
        numbers.map((at) =>
          lab.run("ssh", ["-F", lab.sshConfig, HOST, `cat; echo ${at} >&2; exit ${at}`], {
            input: `in ${at}`,
          }),
        ),
      ),
    );
    const expected = numbers.map((at) => ({ code: at, signal: null, stdout: `in ${at}`, stderr: `${at}\n` }));
    expect(result).toEqual(expected);
    expect(events.map(({ kind, decision }) => `${decision} ${kind}`)).toEqual(
      numbers.map(() => "allow session"),
    );
    expect(lab.logins()).toBe(2);
  });

  it("of the subsystem sftp is what a rule on it says, and a shell is not", async () => {
    lab.policy('default = "deny"\n[[rule]]\nname = "files"\nsubsystem = "sftp"\naction = "allow"\n');
    const sftp = `echo 'get ${lab.knownHosts} copy' | sftp -q -F ssh_config -b - ${HOST}`;
    const { result, events } = await lab.logged(() => lab.shell(sftp));
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(events).toMatchObject([{ subsystem: "sftp", by: "rule:files" }]);
    expect(events[0]).not.toHaveProperty("command");
    expect(readFileSync(lab.path("copy"))).toEqual(readFileSync(lab.knownHosts));
    for (const args of [
      [HOST],
      [HOST, "sftp"],
      [HOST, "/usr/lib/openssh/sftp-server"],
      ["-s", HOST, "other"],
    ])
      expect(await lab.ssh(...args)).toMatchObject({ code: 255, stdout: "" });
    lab.policy('default = "allow"\n');
  });
});
