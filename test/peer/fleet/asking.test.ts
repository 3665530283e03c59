/** A question on one machine, answered on another: real guards, a real bus, a real agent that signs. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { addKeys } from "../../../lab/agent.ts";
import { FleetLab } from "../../../lab/fleet/fleet-lab.ts";
import { type Lab, MUXGUARD, until } from "../../../lab/lab.ts";
import { Terminal } from "../../../lab/terminal/terminal.ts";
import { describeWith, SECURITY_KEY } from "../tools.ts";

describeWith(["nats", "openssl", "ssh", "sshd", "tmux"], "a question of another machine", () => {
  const fleet = new FleetLab();
  let build: Lab;
  let laptop: Lab;
  let terminal: Terminal;
  let logged = 0;
  const events = () => build.log().slice(logged);
  const decisions = () => events().filter(({ kind, data }) => kind === "sign" && data === "userauth");
  const login = () =>
    build.run("sh", ["-c", `ssh -F ${build.sshConfig} alpha.example echo in; :`], {
      environment: { SSH_AUTH_SOCK: build.agentSocket },
    });

  beforeAll(async () => {
    await fleet.init(["build1", "laptop"], ["alice"]);
    await fleet.startServerOfFleet();
    build = await fleet.machine("build1", undefined, 'approvers = ["fleet", "queue"]\ntimeout = "20s"\n');
    const key = build.key("work");
    await build.startAgent("upstream.sock", key);
    await build.startServer("alpha.example", key);
    await build.startDaemon();
    laptop = await fleet.machine("laptop", "alice");
    await laptop.startAgent("alice.sock", fleet.path("alice"));
    laptop.script("muxguard", `#!/bin/sh\nexec '${process.execPath}' '${MUXGUARD}' "$@"\n`);
    const connected = async (): Promise<boolean> =>
      (await build.muxguard("status")).stdout.includes("this is build1, connected");
    await until(connected, "the bus");
  });
  beforeEach(() => {
    logged = build.log().length;
    const env = { ...laptop.environment, PATH: `${laptop.folder}:${process.env.PATH}` };
    terminal = new Terminal(env, laptop.folder, undefined, 200, 40);
    terminal.enter("muxguard watch --fleet");
  });
  afterEach(() => terminal.close());
  afterAll(() => fleet.close());

  it("is shown there, allowed by a signature of its person's agent, and logged with who signed", async () => {
    await terminal.shows("nothing waits for an answer");
    const done = login();
    await terminal.shows(/❯ build1\/\w{6} +\d+ s {2}build1: .*→ alpha\.example/);
    await terminal.shows("an approval covers: ");
    await terminal.keysCount();
    terminal.press("Right");
    await terminal.shows("❯ allow once");
    terminal.press("Enter");
    expect(await done).toMatchObject({ stdout: "in\n" });
    await terminal.shows("nothing waits for an answer");
    await terminal.shows(/build1: question \w{6}: allowed once/);
    const { stdout } = await fleet.run("ssh-keygen", ["-lf", `${fleet.path("alice")}.pub`]);
    const [, key] = stdout.split(" ");
    expect(decisions()).toMatchObject([
      { decision: "allow", by: "approver:fleet", remember: "once", signers: [`alice ${key}`] },
    ]);
  });

  it("is denied there, and whoever asked hears by whom", async () => {
    const done = login();
    await terminal.shows("❯ deny");
    await terminal.keysCount();
    terminal.press("Enter");
    expect(await done).toMatchObject({ stdout: "" });
    expect(decisions()).toMatchObject([{ decision: "deny", by: "approver:fleet", reason: "alice said no" }]);
    await build.muxguard("forget", "--all");
  });

  it("is found in the log of all machines by who has signed", async () => {
    const by = async (person: string): Promise<object[]> => {
      const { stdout } = await laptop.muxguard("log", "--fleet", "--json", "--person", person);
      return stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));
    };
    const allowed = { machine: "build1", decision: "allow", by: "approver:fleet" };
    await until(async () => (await by("alice")).length > 0, "the entry", 20_000);
    expect((await by("alice"))[0]).toMatchObject({
      ...allowed,
      signers: [expect.stringMatching(/^alice SHA256:/)],
    });
    expect(await by("bob")).toEqual([]);
    const all = await laptop.muxguard("log", "--fleet", "--json");
    expect(all.stdout.split("\n").length).toBeGreaterThan((await by("alice")).length + 1);
  });

  it("is withdrawn there when it is answered here, and here when it is answered there", async () => {
    const done = login();
    await terminal.shows("build1/");
    const [question] = await build.pending();
    await build.muxguard("approve", "--once", question?.id ?? "");
    expect(await done).toMatchObject({ stdout: "in\n" });
    await terminal.shows("nothing waits for an answer");
    expect(decisions()).toMatchObject([{ by: "approver:queue" }]);
  });

  it("is shown to who begins to look while it waits", async () => {
    terminal.close();
    const done = login();
    await build.pending();
    const env = { ...laptop.environment, PATH: `${laptop.folder}:${process.env.PATH}` };
    terminal = new Terminal(env, laptop.folder, undefined, 200, 40);
    terminal.enter("muxguard watch --fleet");
    await terminal.shows("build1/");
    await terminal.keysCount();
    terminal.press("Right", "Enter");
    expect(await done).toMatchObject({ stdout: "in\n" });
  });

  it("that goes unanswered is denied, and leaves the other screen", async () => {
    build.policy('[[rule]]\nhost = "alpha.example"\naction = "ask"\ntimeout = "2s"\n');
    const done = login();
    await terminal.shows("build1/");
    expect(await done).toMatchObject({ stdout: "" });
    await terminal.shows("nothing waits for an answer");
    build.policy("");
  });

  it("is answered with local approvers while the bus is away, and there again once it is back", async () => {
    await terminal.shows("nothing waits for an answer");
    await fleet.killServer();
    const done = login();
    const [question] = await build.pending();
    await build.muxguard("approve", "--once", question?.id ?? "");
    expect(await done).toMatchObject({ stdout: "in\n" });
    await fleet.startServerOfFleet();
    await terminal.shows(/\[fleet\]: the bus/);
    await until(() => !terminal.screen().includes("[fleet]: the bus"), "the bus", 40_000);
    await until(
      async () => (await build.muxguard("status")).stdout.includes("build1, connected"),
      "the bus",
      40_000,
    );
    const again = login();
    await terminal.shows("build1/");
    await terminal.keysCount();
    terminal.press("Right", "Enter");
    expect(await again).toMatchObject({ stdout: "in\n" });
  });

  it("is no answer by what is inside of a run: its signature is refused there", async () => {
    laptop.write("text", "{}");
    await laptop.startDaemon();
    const words = [
      "run",
      "--",
      "ssh-keygen",
      "-Y",
      "sign",
      "-n",
      "muxguard-approval",
      "-f",
      `${fleet.path("alice")}.pub`,
    ];
    laptop.policy('default = "allow"\n');
    const { code } = await laptop.muxguard(...words, laptop.path("text"));
    expect(code).not.toBe(0);
    expect(laptop.log().at(-1)).toMatchObject({
      decision: "deny",
      by: "fault:inside",
      namespace: "muxguard-approval",
      reason: "what is inside of a run signs no answers of a fleet",
    });
  });

  describeWith(["bwrap"], "in a confined run", () => {
    it("can't be answered with the keys of the machine or its person: they are not there", async () => {
      const keys = laptop.path("config/muxguard/fleet");
      const { stdout } = await laptop.muxguard("run", "--confine", "--", "find", keys);
      expect(stdout.split("\n").filter((line) => /machine|person/.test(line))).toEqual([]);
      const { stdout: open } = await laptop.run("find", [keys]);
      expect(open).toMatch(/person\.nk/);
    });
  });

  describeWith(["sk-dummy"], "with a security key", () => {
    it("is allowed by its touch", async () => {
      const key = fleet.key("alice-sk", "-t", "ed25519-sk", "-w", SECURITY_KEY);
      addKeys(laptop.path("alice.sock"), "-S", SECURITY_KEY, key);
      fleet.addSigner(build, "alice", key);
      fleet.signWith(laptop, `${key}.pub`);
      await terminal.shows("nothing waits for an answer");
      terminal.press("q");
      await until(() => !terminal.screen().includes("nothing waits"), "the shell");
      await terminal.output("echo back"); // it has the keys again
      terminal.enter("muxguard watch --fleet");
      await terminal.shows("nothing waits for an answer");
      const done = login();
      await terminal.shows("build1/");
      await terminal.keysCount();
      terminal.press("Right", "Enter");
      expect(await done).toMatchObject({ stdout: "in\n" });
      const { stdout } = await fleet.run("ssh-keygen", ["-lf", `${key}.pub`]);
      expect(decisions().at(-1)?.signers).toEqual([`alice ${stdout.split(" ")[1]}`]);
    });
  });
});
