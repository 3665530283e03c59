/** `muxguard fleet revoke`: what is said is in force, and what would be said in vain is not said. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { FleetLab } from "../../../lab/fleet/fleet-lab.ts";
import { type Lab, type Result, until } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";
import { Joined } from "./joined.ts";
import { stated } from "./said.ts";

/** Of no key that anybody has. */
const HASH = "Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmE";

describeWith(["nats", "openssl", "ssh", "sshd"], "muxguard fleet revoke", () => {
  const fleet = new FleetLab();
  let build: Joined;
  let admin: Lab;
  const revoke = (...words: string[]): Promise<Result> => admin.muxguard("fleet", "revoke", ...words);
  const isRevoked = (wanted: boolean): Promise<void> =>
    until(async () => (await stated(build.lab)).includes("1 revoked") === wanted, `revoked: ${wanted}`);

  beforeAll(async () => {
    await fleet.init(["build1", "laptop"], ["alice"]);
    await fleet.startServerOfFleet();
    build = await Joined.join(fleet, "build1");
    build.lab.policy('default = "allow"\n');
    admin = await fleet.machine("laptop", "alice");
    await admin.startAgent("alice.sock", fleet.path("alice"));
    await build.start();
    await build.untilConnected();
  });
  afterAll(() => fleet.close());

  it.each<[string, string[]]>([
    ['write "alpha.example"', ["alpha.example:2222"]],
    ['write "alpha.example"', ["[alpha.example]:2222"]],
    ['write "alpha.example"', ["root@alpha.example"]],
    ['write "alpha.example"', ["alpha.example."]],
    ["a key is SHA256: and 43 characters", [`sha256:${HASH}`]],
    ["a key is SHA256: and 43 characters", [`SHA256:${HASH}=`]],
    ["a key is SHA256: and 43 characters", [`SHA256:${HASH.slice(1)}`]],
    ["a key is SHA256: and 43 characters", [HASH]],
    ["as machine in its config.toml has it", ["--machine", "build1.example"]],
    ['write "alpha.example"', ["--lift", "root@alpha.example"]],
  ])("says %s, and nothing to the fleet, for %s", async (mend, words) => {
    expect(await revoke(...words)).toMatchObject({
      code: 64,
      stdout: "",
      stderr: expect.stringContaining(mend),
    });
    expect(await stated(build.lab)).toBe("");
  });

  it("says nothing to the fleet by a key that no machine would take it from", async () => {
    const key = fleet.key("mallory");
    expect(await revoke("alpha.example", "--sign", key)).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(
        /^muxguard: nothing was said, as no machine would take it from alice: .*who may sign what is in .*allowed_signers\n$/,
      ),
    });
    admin.write("policy.toml", 'default = "deny"\n');
    const pushed = await admin.muxguard("fleet", "policy", "push", admin.path("policy.toml"), "--sign", key);
    expect(pushed).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining("nothing was said"),
    });
    expect(await revoke("--lift", "alpha.example")).toMatchObject({
      stderr: expect.stringContaining("nobody has revoked host alpha.example"),
    });
    expect(await stated(build.lab)).toBe("");
  });

  it("says what is revoked, and that a host has the name of a machine", async () => {
    const said = await revoke("build1");
    expect(said.stdout).toMatch(/^host build1 is revoked: number \d+ is on the bus/);
    expect(said.stderr).toContain(
      "build1 is a machine of the fleet, too, and goes on; that one: --machine build1",
    );
    await isRevoked(true);
    const lifted = await revoke("--lift", "build1");
    expect(lifted).toMatchObject({
      stdout: expect.stringMatching(/^host build1 counts again: /),
      stderr: "",
    });
    await isRevoked(false);
    const unknown = "allowed_signers has no machine build7: is that its name?";
    expect(await revoke("--machine", "build7")).toMatchObject({
      code: 0,
      stderr: expect.stringContaining(unknown),
    });
    expect(await revoke("--machine", "--lift", "build7")).toMatchObject({ code: 0, stderr: "" });
    // a person's name is no machine's
    expect(await revoke("alice")).toMatchObject({ code: 0, stderr: "" });
    expect(await revoke("--lift", "alice")).toMatchObject({ code: 0 });
    await isRevoked(false);
  });

  it("takes back in one spelling of a host what was said in another, and says when there is nothing", async () => {
    expect(await revoke("Alpha.EXAMPLE")).toMatchObject({ code: 0 });
    await isRevoked(true);
    expect(await build.login()).toMatchObject({ stdout: "" });
    expect(build.lab.log().at(-1)).toMatchObject({ by: "rule:fleet: host alpha.example is revoked" });
    expect(await revoke("--lift", "ALPHA.example")).toMatchObject({ code: 0 });
    await isRevoked(false);
    expect(await build.login()).toMatchObject({ stdout: "in\n" });
    for (const [name, why] of [
      ["alpha.example", "host alpha.example counts again already"],
      ["beta.example", "nobody has revoked host beta.example"],
      [`SHA256:${HASH}`, `nobody has revoked key SHA256:${HASH}`],
    ] as const)
      expect(await revoke("--lift", name)).toMatchObject({ code: 1, stderr: expect.stringContaining(why) });
    // said anew it is in force anew, also twice
    for (let time = 0; time < 2; time++) expect(await revoke("alpha.*")).toMatchObject({ code: 0 });
    await isRevoked(true);
    expect(await build.login()).toMatchObject({ stdout: "" });
    expect(await revoke("--lift", "ALPHA.*")).toMatchObject({ code: 0 });
    await isRevoked(false);
  });
});
