/** `muxguard policy test`: cases beside the policy. */
import { afterAll, describe, expect, it } from "vitest";
import { Lab } from "../../../lab/lab.ts";

const POLICY = `
[[rule]]
name = "no prod"
host = "prod"
action = "deny"

[[rule]]
name = "fetching"
on = ["session"]
command = "git-upload-pack *"
caller = "git"
action = "allow"
`;

const CASES = `
[[case]]
name = "prod by another name"
host = ["10.0.0.7", "prod"]
expect = "deny"
by = "no prod"

[[case]]
name = "fetching"
host = "github.com"
command = "git-upload-pack x"
program = ["/usr/bin/ssh", "/usr/bin/git"]
expect = "allow"

[[case]]
name = "a host that nobody knows could be prod"
host = "other"
verified = false
expect = "ask"
`;

describe("muxguard policy test", () => {
  const lab = new Lab();
  afterAll(() => lab.close());
  const cases = (text: string): void => lab.write("config/muxguard/policy.test.toml", text);

  it("has a line for each case that holds, and exits with 0", async () => {
    lab.policy(POLICY);
    cases(CASES);
    expect(await lab.muxguard("policy", "test")).toMatchObject({
      code: 0,
      stdout: [
        "ok    prod by another name",
        "ok    fetching",
        "ok    a host that nobody knows could be prod",
        "3 cases, 0 failed\n",
      ].join("\n"),
    });
  });

  it("says what the policy says instead, and why, and exits with 1", async () => {
    lab.policy(POLICY.replace('host = "prod"', 'host = "production"'));
    const { code, stdout } = await lab.muxguard("policy", "test");
    expect(stdout).toMatch(
      /^FAIL {2}prod by another name: expected deny by "no prod", is ask: the default \(.*\/policy\.test\.toml:2\)$/m,
    );
    expect(stdout).toMatch(/3 cases, 1 failed\n$/);
    expect(code).toBe(1);
    const { stdout: json } = await lab.muxguard("policy", "test", "--json");
    expect(
      json
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).ok),
    ).toEqual([false, true, true]);
  });

  it("tries another policy on the cases beside it, or on these", async () => {
    lab.write("own.toml", '[[rule]]\nname = "all"\naction = "allow"\n');
    lab.write("own.test.toml", '[[case]]\nname = "own"\nhost = "x"\nexpect = "allow"\n');
    const own = await lab.muxguard("policy", "test", "--policy", lab.path("own.toml"));
    expect(own).toMatchObject({ code: 0, stdout: "ok    own\n1 case, 0 failed\n" });
    const other = await lab.muxguard("policy", "test", lab.path("own.test.toml"));
    expect(other).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("FAIL  own: expected allow, is ask"),
    });
  });

  it("exits with 78 for a mistake in the cases, with its place", async () => {
    cases('[[case]]\nhost = "a"\nexpct = "deny"\n');
    const wrong = await lab.muxguard("policy", "test");
    expect(wrong.code).toBe(78);
    expect(wrong.stderr).toMatch(/policy\.test\.toml:3:1: unknown field "expct"; did you mean "expect"\?/);
    expect(wrong.stderr).toMatch(/policy\.test\.toml:1:1: the case has no expect/);
    cases('\n[[case]]\nnamespace = "git"\nhost = "a"\nexpect = "deny"\n');
    expect(await lab.muxguard("policy", "test")).toMatchObject({
      code: 78,
      stderr: expect.stringMatching(/policy\.test\.toml:2:1: host never matches with a namespace/),
    });
  });

  it("exits with 1 where there are no cases: nothing was tried", async () => {
    cases("# none yet\n");
    expect(await lab.muxguard("policy", "test")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("no cases"),
    });
    const beside = await lab.muxguard("policy", "test", "--policy", lab.path("config/muxguard/policy.toml"));
    expect(beside.code).toBe(1);
  });
});
