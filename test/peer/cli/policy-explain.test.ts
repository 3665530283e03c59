/** `muxguard policy explain`: of flags, and of what the log has. */
import { userInfo } from "node:os";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Lab } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";

describeWith(["ssh", "sshd"], "muxguard policy explain", () => {
  const lab = new Lab();
  const key = lab.key("work");
  const rules = [
    '[[rule]]\nname = "no prod"\nhost = "prod"\naction = "deny"\n',
    `[[rule]]\nname = "alpha"\nhost = "alpha.example"\nkey = "work"\ncaller = "ssh"\naction = "allow"\n`,
    '[[rule]]\nname = "agents"\nscope = "claude"\naction = "deny"\n',
  ];

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", key);
    await lab.startServer("alpha.example", key);
    lab.host("also", ["HostName 127.0.0.1", "HostKeyAlias alpha.example"]);
    lab.policy(rules.join("\n"));
  });
  afterAll(() => lab.close());

  const explained = (...args: string[]) => lab.muxguard("policy", "explain", ...args);

  it("says of each rule what came of it, and what decides", async () => {
    const { code, stdout } = await explained("--host", "also", "--key", key, "--program", "ssh");
    const lines = stdout.split("\n");
    expect(lines).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^destination +also .*alpha\.example/),
        'policy.toml:1  deny  "no prod": does not match',
        expect.stringMatching(/^ {4}host = "prod": it is "also", "alpha\.example"/),
        'policy.toml:6  allow  "alpha": matches',
        'policy.toml:13  deny  "agents": behind the rule that matches; does not match',
        '    scope = "claude": it is outside of runs',
        'allow: rule "alpha" (policy.toml:6)',
      ]),
    );
    expect(code).toBe(0);
  });

  it("can't say which host it is that nobody knows", async () => {
    const { code, stdout } = await explained(
      "--host",
      "nowhere.example",
      "--user",
      "root",
      "--program",
      "ssh",
    );
    expect(stdout).toContain(
      '"no prod": can\'t be said to match, nor not to\n    host = "prod": can\'t be said,',
    );
    expect(stdout).toMatch(
      /"alpha": does not match\n {4}host = "alpha\.example": can't be said, .* no key of it/,
    );
    expect(stdout).toMatch(
      /\nask: the default; this could be prod, which rule "no prod" denies; never remembered\n$/,
    );
    expect(code).toBe(0);
  });

  it("exits with 1 for what is denied, and prints an object for other programs", async () => {
    const { code, stdout } = await explained("--host", "prod", "--verified", "--kind", "session", "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      action: "deny",
      by: "rule:no prod",
      request: { kind: "session" },
      rules: [
        { name: "no prod", line: 1, match: "yes", reached: true },
        {
          name: "alpha",
          match: "no",
          reached: false,
          fields: [{ field: "host", match: "no" }, { field: "key" }, { field: "caller" }],
        },
        { name: "agents" },
      ],
      default: "ask",
    });
    expect(code).toBe(1);
  });

  it("reads the policy of a scope that has its own", async () => {
    lab.write("claude.toml", '[[rule]]\nname = "own"\naction = "allow"\n');
    lab.config(`[scope.claude]\npolicy = ${JSON.stringify(lab.path("claude.toml"))}\n`);
    const { stdout } = await explained("--host", "prod", "--verified", "--scope", "claude");
    lab.config("");
    expect(stdout).toMatch(/allow: rule "own" \(claude\.toml:1\)\n$/);
  });

  it("looks again at an entry of the log, by the rules of now", async () => {
    const { events } = await lab.logged(() => lab.guardedSsh("alpha.example", "true"));
    const id = events[0]?.id ?? "";
    expect(events).toMatchObject([{ decision: "allow", by: "rule:alpha" }]);
    lab.policy(`${rules[0]}[[rule]]\nname = "not me"\nuser = "${userInfo().username}"\naction = "deny"\n`);
    const { code, stdout } = await explained(id);
    lab.policy(rules.join("\n"));
    expect(stdout).toMatch(/^request +log in to alpha\.example .* with key "work"\n/);
    expect(stdout).toMatch(/\nlog +allowed at .*: rule "alpha"\n/);
    expect(stdout).toMatch(/\ndeny: rule "not me" \(policy\.toml:5\)\n$/);
    expect(code).toBe(1);
  });

  it.each([
    [[], 64, /^muxguard: of which request\?/],
    [["abc", "--host", "x"], 64, /^muxguard: either an entry of the log or flags/],
    [["nothing"], 1, /^muxguard: the log has no entry nothing/],
    [["--on", "sgin"], 64, /did you mean "sign"\?/],
    [["--port", "x"], 64, /^muxguard: port: expected a number/],
    [["--namespace", "git", "--host", "x"], 64, /host never matches with a namespace/],
    [["--program", "no-such-program"], 64, /no program no-such-program is in PATH/],
    [["--policy", "/nowhere.toml", "--host", "x"], 78, /no such policy file/],
  ])("refuses %j", async (args, code, stderr) => {
    expect(await explained(...args)).toMatchObject({ code, stderr: expect.stringMatching(stderr) });
  });

  it("exits with 78 for a policy with a mistake", async () => {
    lab.policy('[[rule]]\nhots = "a"\naction = "allow"\n');
    expect(await explained("--host", "x")).toMatchObject({
      code: 78,
      stderr: expect.stringContaining('did you mean "host"?'),
    });
    lab.policy(rules.join("\n"));
  });
});
