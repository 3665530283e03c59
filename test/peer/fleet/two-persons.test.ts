/** A rule that wants two persons: each says yes by a signature, and each sees who has. */
import { existsSync, readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { FleetLab } from "../../../lab/fleet/fleet-lab.ts";
import { type Lab, MUXGUARD, type Result, until } from "../../../lab/lab.ts";
import { Terminal } from "../../../lab/terminal/terminal.ts";
import { describeWith } from "../tools.ts";
import { type Heard, Hostile } from "./hostile.ts";
import { stated } from "./said.ts";

const RULE = '[[rule]]\nname = "prod"\nhost = "alpha.example"\naction = "ask"\n';
const TWO = `${RULE}approvals = 2\nsigners = "ops"\ntimeout = "15s"\n`;

describeWith(["nats", "openssl", "ssh", "sshd", "tmux"], "a rule that wants two persons", () => {
  const fleet = new FleetLab();
  const people = ["alice", "bob", "carol"];
  let build: Lab;
  let bus: Hostile;
  let logged = 0;
  const screens = new Map<string, Terminal>();
  const machines = new Map<string, Lab>();
  const screen = (person: string): Terminal => screens.get(person) as Terminal;
  const decisions = () =>
    build
      .log()
      .slice(logged)
      .filter(({ kind, data }) => kind === "sign" && data === "userauth");
  const login = (): Promise<Result> =>
    build.run("sh", ["-c", `ssh -F ${build.sshConfig} alpha.example echo in; :`], {
      environment: { SSH_AUTH_SOCK: build.agentSocket },
    });

  beforeAll(async () => {
    await fleet.init(["build1", ...people.map((name) => `of-${name}`)], people);
    await fleet.startServerOfFleet();
    bus = await Hostile.join(fleet);
    build = await fleet.machine("build1");
    const key = build.key("work");
    await build.startAgent("upstream.sock", key);
    await build.startServer("alpha.example", key);
    build.policy(TWO);
    await build.startDaemon();
    for (const name of people) machines.set(name, await fleet.machine(`of-${name}`, name));
    // alice and bob are ops, alice has a second key, and carol has a key in two names
    const second = readFileSync(`${fleet.key("alice2")}.pub`, "utf8");
    for (const lab of [build, ...machines.values()]) {
      const path = "config/muxguard/fleet/allowed_signers";
      const text = readFileSync(lab.path(path), "utf8").replace(/^(alice|bob) /gm, "$1,ops ");
      const line = `alice,ops namespaces="muxguard-approval" ${second}`;
      lab.write(path, `${text.replace(/^carol /m, "carol,carla ")}${line}`);
    }
    for (const [name, lab] of machines) await lab.startAgent("agent.sock", fleet.path(name));
    await until(async () => (await build.muxguard("status")).stdout.includes("build1, connected"), "the bus");
  });
  beforeEach(async () => {
    build.policy(TWO);
    logged = build.log().length;
    bus.told = [];
    for (const [name, lab] of machines) {
      const terminal = new Terminal(lab.environment, lab.folder, undefined, 160, 40);
      terminal.enter(`${process.execPath} ${MUXGUARD} watch --fleet`);
      screens.set(name, terminal);
    }
    await Promise.all([...screens.values()].map((one) => one.shows("nothing waits for an answer")));
  });
  afterEach(async () => {
    for (const terminal of screens.values()) terminal.close();
    await build.muxguard("forget", "--all");
  });
  afterAll(async () => {
    await bus?.close();
    await fleet.close();
  });

  async function asked(): Promise<Heard & { done: Promise<Result> }> {
    const before = bus.heard.length;
    const done = login();
    await until(() => bus.heard.length > before, "the question");
    return { ...(bus.heard[before] as Heard), done };
  }

  it("is met by two of them, and shows each who has said yes so far; others are not shown it", async () => {
    const done = login();
    await screen("bob").shows("2 persons of ops have to say yes");
    await screen("alice").shows("❯ deny");
    await screen("alice").keysCount();
    screen("alice").press("Right", "Enter");
    await screen("bob").shows("have to say yes, so far: alice");
    expect(screen("carol").screen()).toContain("nothing waits");
    await screen("bob").keysCount();
    screen("bob").press("Right", "Right", "Enter"); // for ten minutes, and alice once
    expect(await done).toMatchObject({ stdout: "in\n" });
    expect(decisions()).toMatchObject([
      {
        decision: "allow",
        by: "approver:fleet",
        remember: "once",
        signers: [expect.stringMatching(/^alice SHA256:/), expect.stringMatching(/^bob SHA256:/)],
      },
    ]);
  });

  it("is ended by one no", async () => {
    const done = login();
    await screen("alice").shows("❯ deny");
    await screen("bob").shows("❯ deny");
    await screen("alice").keysCount();
    screen("alice").press("Right", "Enter");
    await screen("bob").shows("so far: alice");
    screen("bob").press("Enter");
    expect(await done).toMatchObject({ stdout: "" });
    expect(decisions()).toMatchObject([{ decision: "deny", reason: "bob said no" }]);
  });

  it.each([
    ["by one who says it twice", "alice", ["alice", "alice"], "has said yes already"],
    ["by one who is none of them", "alice", ["alice", "carol"], "carol is none of those who may answer: ops"],
    ["by one with another name for the same key", "carol", ["carol", "carla"], "has said yes already"],
    ["by one with another key", "alice", ["alice", "alice with alice2"], "alice has said yes already"],
    [
      "by one with another key, as the group",
      "alice",
      ["alice", "ops with alice2"],
      "alice has said yes already",
    ],
    ["by one as the group first", "alice", ["ops with alice2", "alice"], "alice has said yes already"],
  ])("is not met %s", async (_, first, votes, reason) => {
    if (first === "carol") build.policy(TWO.replace('"ops"', '["carol", "carla"]'));
    const question = await asked();
    for (const vote of votes) {
      const [name = "", key = name === "carla" ? "carol" : name] = vote.split(" with ");
      bus.send(question, await bus.vote(bus.yesTo(question, name), key));
    }
    await until(() => bus.told.length > 0, "the refusal");
    expect(bus.told[0]).toContain(reason);
    expect(await question.done).toMatchObject({ stdout: "" });
    expect(decisions()).toMatchObject([{ decision: "deny", by: "fault:timeout" }]);
    build.policy(TWO);
  });

  it("is not met by a yes whose key was revoked before the other came", async () => {
    const carol = machines.get("carol") as Lab;
    const { stdout } = await carol.run("ssh-keygen", ["-lf", `${fleet.path("alice")}.pub`]);
    const fingerprint = stdout.split(" ")[1] ?? "";
    const revoked = async (...words: string[]): Promise<void> => {
      expect(await carol.muxguard("fleet", "revoke", ...words, fingerprint)).toMatchObject({ code: 0 });
      const isThere = words.length === 0;
      await until(async () => (await stated(build)).includes("1 revoked") === isThere, "the revocation");
    };
    const question = await asked();
    bus.send(question, await bus.vote(bus.yesTo(question, "alice"), "alice"));
    await screen("bob").shows("so far: alice");
    await revoked();
    bus.send(question, await bus.vote(bus.yesTo(question, "bob"), "bob"));
    await until(() => bus.told.length > 0, "the refusal");
    expect(bus.told).toEqual([
      expect.stringContaining(`alice had said yes with ${fingerprint}, which is revoked`),
    ]);
    expect(await question.done).toMatchObject({ stdout: "" });
    expect(decisions()).toMatchObject([{ decision: "deny", by: "fault:timeout" }]);
    await revoked("--lift");
  });

  it("is not met by a yes that the bus makes up, nor shown as if it were", async () => {
    const question = await asked();
    const forged = await bus.vote(bus.yesTo(question, "alice"), "carol");
    bus.publish(question.subject, { type: "question", left: 9000, said: question.said, votes: [forged] });
    await bus.flush();
    await screen("bob").shows("have to say yes");
    expect(await question.done).toMatchObject({ stdout: "" });
    expect(screen("bob").screen()).not.toContain("so far");
  });

  it("is not met by muxguard approve, nor by what one person allowed before", async () => {
    build.policy(RULE);
    // one shell: what it was allowed once is remembered for it
    const ssh = `ssh -F ${build.sshConfig} alpha.example echo`;
    const wait = `while [ ! -e ${build.path("tightened")} ]; do sleep 0.1; done`;
    const script = `${ssh} first; ${ssh} second; touch ${build.path("twice")}; ${wait}; ${ssh} third; :`;
    const done = build.run("sh", ["-c", script], { environment: { SSH_AUTH_SOCK: build.agentSocket } });
    const [first] = await build.pending();
    await build.muxguard("approve", "--for", "10m", first?.id ?? "");
    await until(() => existsSync(build.path("twice")), "the second login");
    build.policy(TWO);
    build.write("tightened", "");
    const [question] = await build.pending();
    const approved = await build.muxguard("approve", "--once", question?.id ?? "");
    expect(approved.code).not.toBe(0);
    expect(await done).toMatchObject({ stdout: "first\nsecond\n" });
    expect(decisions().map(({ by }) => by.split(":")[0])).toEqual(["approver", "grant", "fault"]);
  });

  it("denies at once, and says why, while the bus is away", async () => {
    await fleet.killServer();
    await until(
      async () => (await build.muxguard("status")).stdout.includes("not connected"),
      "the loss",
      20_000,
    );
    expect(await login()).toMatchObject({ stdout: "" });
    expect(decisions()).toMatchObject([
      { decision: "deny", by: "fault:approver", reason: expect.stringContaining("the fleet's bus") },
    ]);
  });
});
