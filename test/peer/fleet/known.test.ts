/** What commands say of the policy where a fleet has one: the same as a guard decides, by what was kept. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { FLEET, keepStatements, makeSigner, policyOf } from "../../../lab/fleet/kept-policy.ts";
import { Lab } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";

const DENY = '[[rule]]\nname = "no alpha"\nhost = "alpha.example"\naction = "deny"\n';
const ALLOW = '[[rule]]\nname = "alpha"\nhost = "alpha.example"\naction = "allow"\n';
const KEPT = "state/muxguard/fleet-policy.jsonl";

describeWith(["ssh", "sshd"], "what is said of the policy of a machine in a fleet", () => {
  const lab = new Lab();
  const key = lab.key("work");
  const alice = makeSigner(lab);
  const policy = (...words: string[]) => lab.muxguard("policy", ...words);
  const explain = (...more: string[]) =>
    policy("explain", "--host", "alpha.example", "--key", key, "--program", "ssh", ...more);
  /** What a guard decides by itself, where nobody is there to answer. */
  const decided = async () => {
    const { events } = await lab.logged(() => lab.guardedSsh("alpha.example", "true"));
    return events.find(({ kind, data }) => kind === "sign" && data === "userauth");
  };

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", key);
    await lab.startServer("alpha.example", key);
    lab.policy(ALLOW);
  });
  beforeEach(() => lab.config(`approvers = ["terminal"]\n${FLEET}`));
  afterAll(() => lab.close());

  it("explains what the guard decides: by the fleet's rule, before the machine's own", async () => {
    await keepStatements(lab, alice, policyOf(DENY));
    const { code, stdout, stderr } = await explain();
    expect(stdout).toContain('fleet  deny  "fleet: no alpha": matches\n');
    expect(stdout).toMatch(/^fleet {8}number 1 by alice, 1 rule, until /m);
    expect(stdout).toMatch(/\ndeny: rule "fleet: no alpha" \(fleet\)\n$/);
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    expect(await decided()).toMatchObject({ decision: "deny", by: "rule:fleet: no alpha" });
    const { rules, by } = JSON.parse((await explain("--json")).stdout);
    expect(by).toBe("rule:fleet: no alpha");
    expect(rules).toMatchObject([
      { name: "fleet: no alpha", fleet: true, reached: true },
      { name: "alpha", line: 1, reached: false },
    ]);
    expect(rules[1].fleet).toBeUndefined();
    // in a run with a policy of its own as well
    expect((await explain("--policy", lab.path("config/muxguard/policy.toml"))).code).toBe(1);
  });

  it("explains nothing of it without [fleet], or where nothing has come", async () => {
    lab.config("");
    expect(await explain()).toMatchObject({ code: 0, stdout: expect.not.stringContaining("fleet") });
    lab.config(FLEET);
    lab.write(KEPT, "");
    expect(await explain()).toMatchObject({ code: 0, stdout: expect.not.stringContaining("fleet") });
  });

  it("lists the fleet's rules where they stand", async () => {
    await keepStatements(lab, alice, policyOf(`${ALLOW}${DENY.replace("no alpha", "too")}`), {
      kind: "revoke",
      ...{ what: "host", name: "beta.example", lifted: false },
    });
    const names = async () =>
      (await policy("list")).stdout
        .split("\n")
        .flatMap((line) => /^(fleet|policy\S+) .*?("[^"]+")/.exec(line)?.slice(1) ?? []);
    const revoked = ["fleet", '"fleet: host beta.example is revoked"'];
    const [allows, denies] = [
      ["fleet", '"fleet: alpha"'],
      ["fleet", '"fleet: too"'],
    ];
    const own = ["policy.toml:1", '"alpha"'];
    expect(await names()).toEqual([...revoked, ...(allows ?? []), ...(denies ?? []), ...own]);
    lab.config(`${FLEET}fleet_policy = "after"\n`);
    expect(await names()).toEqual([...revoked, ...(denies ?? []), ...own, ...(allows ?? [])]);
    const json = (await policy("list", "--json")).stdout.trimEnd().split("\n");
    expect(JSON.parse(json[0] ?? "")).toMatchObject({ fleet: true, approved: false });
    expect(JSON.parse(json.at(-1) ?? "")).toMatchObject({
      default: "ask",
      fleet: expect.stringMatching(/1 revoked/),
    });
    expect((await policy("list", "--policy", lab.path("config/muxguard/policy.toml"))).stdout).not.toContain(
      "fleet",
    );
  });

  it("says which own rule is without effect by the fleet's, and nothing of the fleet's own rules", async () => {
    await keepStatements(lab, alice, policyOf(`${DENY}${DENY.replace("no alpha", "again")}`));
    const { code, stdout } = await policy("check");
    expect(stdout).toMatch(
      /policy\.toml:1:1: warning: never matches: rule "fleet: no alpha" before it takes all of it$/m,
    );
    expect(stdout).not.toContain("again");
    expect(code).toBe(1);
    const added = await policy(
      "add",
      "--name",
      "more",
      "--host",
      "alpha.example",
      "--action",
      "ask",
      "--dry-run",
    );
    expect(added.stdout).toContain('never matches: rule "fleet: no alpha" before it');
    // what is to be the fleet's is looked at by itself
    lab.write("next.toml", DENY);
    expect(await policy("check", lab.path("next.toml"))).toMatchObject({ code: 0 });
  });

  it("says that it has run out, and that what it allowed is asked", async () => {
    await keepStatements(lab, alice, policyOf(ALLOW, -1000));
    lab.policy("");
    const { code, stdout } = await policy("check");
    expect(stdout).toMatch(/fleet-policy\.jsonl: warning: .*it has run out, and what it allows is asked/);
    expect(code).toBe(1);
    expect((await explain()).stdout).toMatch(/\nask: rule "fleet: alpha \(run out\)" \(fleet\)\n$/);
    expect((await policy("remove", "fleet: alpha (run out)")).stderr).toContain(
      "it is the fleet's, signed by alice",
    );
    lab.policy(ALLOW);
  });

  it("says that it can't be verified, and that all is asked, as a guard does", async () => {
    await keepStatements(lab, alice, policyOf(DENY));
    lab.write(KEPT, readFileSync(lab.path(KEPT), "utf8").replace("deny", "allow"));
    const { code, stdout } = await policy("check");
    expect(stdout).toMatch(
      /warning: the fleet's policy that was kept does not count, so all is asked: ssh-keygen/,
    );
    expect(code).toBe(1);
    const explained = await explain();
    expect(explained.stdout).toMatch(/\nask: what the fleet says can't be verified /);
    expect(explained.stderr).toContain("does not count, so all is asked");
    expect((await policy("list")).stderr).toContain("does not count, so all is asked");
    expect((await lab.muxguard("doctor")).stdout).toContain("does not count, so all is asked");
    expect((await decided())?.decision).toBe("deny"); // nobody is there to be asked
  });

  it("says who can change a rule of the fleet's", async () => {
    await keepStatements(lab, alice, policyOf(DENY), {
      kind: "revoke",
      ...{ what: "host", name: "beta.example", lifted: false },
    });
    for (const command of ["remove", "edit"]) {
      const pushed = await policy(command, "fleet: no alpha");
      expect(pushed).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/signed by alice: .*fleet policy push/),
      });
      const revoked = await policy(command, "fleet: host beta.example is revoked");
      expect(revoked).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/alice: .*fleet revoke --lift/),
      });
    }
    expect(await policy("remove", "fleet: x")).toMatchObject({
      stderr: expect.stringContaining("no rule is called"),
    });
  });
});
