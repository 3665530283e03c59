/** A fleet of three users, as three machines have them: each with a home, a daemon and an agent that are its own. */
import { chmodSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { NatsConnection } from "@nats-io/transport-node";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { addKeys } from "../../../lab/agent.ts";
import { FleetLab } from "../../../lab/fleet/fleet-lab.ts";
import { makeFolder } from "../../../lab/folder.ts";
import { type Lab, type Result, until } from "../../../lab/lab.ts";
import type { Terminal } from "../../../lab/terminal/terminal.ts";
import { copyProgram } from "../../../lab/users/program-copy.ts";
import { UserLab } from "../../../lab/users/user-lab.ts";
import { describeAsRoot, describeWith, SECURITY_KEY } from "../tools.ts";
import { forge, pushTo, put, stated, wrong } from "./said.ts";
import { messagesOf, replaceAll } from "./stream.ts";

const RULE = '[[rule]]\nname = "alpha"\nhost = "alpha.example"\n';
const ASK = `${RULE}action = "ask"\n`;
const TWO = `${ASK}approvals = 2\nsigners = ["alice", "bob"]\n`;
const ALLOW = `${RULE}action = "allow"\n`;
const DENY = `${RULE}action = "deny"\n`;
const QUESTION = /build1\/\w{6}/;
/** In milliseconds. */
const [SOON, A_MINUTE] = [2000, 60_000];

/** Machine, user of the system, and who answers there. */
const MACHINES = [
  ["build1", "daemon", undefined],
  ["laptop", "bin", "alice"],
  ["desk", "games", "bob"],
] as const;

describeAsRoot(["nats", "openssl", "ssh", "sshd", "tmux"], "a fleet of three users", () => {
  const fleet = new FleetLab();
  const folder = makeFolder();
  const labs: UserLab[] = [];
  const screens: Terminal[] = [];
  const at = () => {
    const [build, laptop, desk] = labs as [UserLab, UserLab, UserLab];
    return { build, laptop, desk };
  };
  let logged = 0;
  const sh = (lab: Lab, line: string): Promise<Result> =>
    lab.run("sh", ["-c", `${line}; :`], { environment: { SSH_AUTH_SOCK: lab.agentSocket } });
  const login = (lab: Lab): Promise<Result> => sh(lab, `ssh -F ${lab.sshConfig} alpha.example echo in`);
  const decisions = () =>
    at()
      .build.log()
      .slice(logged)
      .filter(({ kind, data }) => kind === "sign" && data === "userauth");

  beforeAll(async () => {
    chmodSync(folder, 0o755);
    const program = join(folder, "muxguard");
    copyProgram(program);
    await fleet.init(
      MACHINES.map(([name]) => name),
      ["alice", "bob"],
    );
    await fleet.startServerOfFleet();
    for (const [name, user, person] of MACHINES) {
      const lab = new UserLab(user, join(program, "bin/muxguard"));
      labs.push(lab);
      const settings = `approvers = ["fleet", "queue"]\ntimeout = "30s"\n`;
      await fleet.machine(name, person, settings, lab);
      const key = lab.key("work");
      await lab.startAgent("agent.sock", key, ...(person ? [fleet.path(person)] : []));
      await lab.startServer("alpha.example", key);
      await lab.startDaemon();
    }
    for (const lab of labs)
      await until(async () => (await lab.muxguard("status")).stdout.includes(", connected"), "the bus");
  });
  beforeEach(() => {
    logged = at().build.log().length;
  });
  afterEach(async () => {
    for (const screen of screens.splice(0)) screen.close();
    for (const lab of labs) {
      lab.policy("");
      await lab.muxguard("forget", "--all");
    }
  });
  afterAll(async () => {
    await fleet.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function watch(lab: UserLab): Promise<Terminal> {
    const screen = lab.terminal(160, 40);
    screens.push(screen);
    screen.enter(`${process.execPath} ${lab.muxguardProgram} watch --fleet`);
    await screen.shows("nothing waits for an answer");
    return screen;
  }
  async function allow(screen: Terminal): Promise<void> {
    await screen.shows(QUESTION);
    await screen.keysCount();
    screen.press("Right", "Enter");
  }
  async function fingerprint(key: string): Promise<string> {
    const { stdout } = await fleet.run("ssh-keygen", ["-lf", `${key}.pub`]);
    return stdout.split(" ")[1] ?? "";
  }

  it("runs as three users", async () => {
    const uids = await Promise.all(labs.map(async (lab) => (await lab.run("id", ["-u"])).stdout));
    expect(new Set([...uids, "0\n"]).size).toBe(4);
  });

  it("answers a question of one with the key of another, in its agent", async () => {
    const screen = await watch(at().laptop);
    const done = login(at().build);
    await allow(screen);
    expect(await done).toMatchObject({ stdout: "in\n" });
    const signer = `alice ${await fingerprint(fleet.path("alice"))}`;
    expect(decisions()).toMatchObject([{ decision: "allow", by: "approver:fleet", signers: [signer] }]);
  });

  it("counts two persons at two machines for what wants two", async () => {
    at().build.policy(TWO);
    const [one, two] = [await watch(at().laptop), await watch(at().desk)];
    const done = login(at().build);
    await allow(one);
    await two.shows("so far: alice");
    await allow(two);
    expect(await done).toMatchObject({ stdout: "in\n" });
    const signers = [expect.stringMatching(/^alice SHA256:/), expect.stringMatching(/^bob SHA256:/)];
    expect(decisions()).toMatchObject([{ decision: "allow", by: "approver:fleet", signers }]);
  });

  describeWith(["sk-dummy"], "with a security key", () => {
    it("answers by its touch", async () => {
      const key = at().laptop.key("alice-sk", "-t", "ed25519-sk", "-w", SECURITY_KEY);
      addKeys(at().laptop.path("agent.sock"), "-S", SECURITY_KEY, key);
      fleet.addSigner(at().build, "alice", key);
      fleet.signWith(at().laptop, `${key}.pub`);
      const screen = await watch(at().laptop);
      const done = login(at().build);
      await allow(screen);
      expect(await done).toMatchObject({ stdout: "in\n" });
      expect(decisions().at(-1)?.signers).toEqual([`alice ${await fingerprint(key)}`]);
      fleet.signWith(at().laptop, "fleet/person.pub");
    });
  });

  it("takes up a policy everywhere, and none that is older, until it has run out", async () => {
    for (const lab of labs) lab.policy('default = "allow"\n');
    for (const lab of labs) expect(await login(lab)).toMatchObject({ stdout: "in\n" });
    const sequence = await pushTo(labs, at().laptop, DENY);
    const older = { v: 1, kind: "policy", sequence: sequence - 1, expires: "2036-01-01T00:00:00.000Z" };
    await put(fleet, await forge(fleet, { ...older, toml: ALLOW }));
    for (const lab of labs) {
      await until(async () => (await wrong(lab)).includes("is known"), "the refusal");
      expect(await login(lab)).toMatchObject({ stdout: "" });
      expect(lab.log().at(-1)).toMatchObject({ decision: "deny", by: "rule:fleet: alpha" });
    }
    await pushTo(labs, at().laptop, ALLOW, "--expires", "20s");
    const allowed = await Promise.all(labs.map((lab) => login(lab)));
    expect(allowed.map(({ stdout }) => stdout)).toEqual(["in\n", "in\n", "in\n"]);
    for (const lab of labs)
      await until(async () => (await stated(lab)).includes("run out"), "the end", A_MINUTE);
    const done = login(at().build);
    const [question] = await at().build.pending();
    await at().build.muxguard("deny", question?.id ?? "");
    expect(await done).toMatchObject({ stdout: "" });
  });

  it("counts no answer of a key that is revoked", async () => {
    const alice = await fingerprint(fleet.path("alice"));
    const { build, laptop, desk } = at();
    await pushTo(labs, laptop, "");
    expect(await desk.muxguard("fleet", "revoke", alice)).toMatchObject({ code: 0 });
    await until(async () => (await stated(build)).includes("1 revoked"), "the word");
    const screen = await watch(laptop);
    const done = login(build);
    await allow(screen);
    const refused = (): boolean =>
      build.log().some(({ reason }) => reason?.includes(`signed with ${alice}, which is`));
    await until(refused, "the refusal");
    const [question] = await build.pending();
    await build.muxguard("deny", question?.id ?? "");
    expect(await done).toMatchObject({ stdout: "" });
    expect(await desk.muxguard("fleet", "revoke", "--lift", alice)).toMatchObject({ code: 0 });
    await until(async () => !(await stated(build)).includes("revoked"), "the word");
  });

  it("revokes a host at all three within two seconds, with what was allowed and the connections there", async () => {
    await pushTo(labs, at().laptop, "");
    for (const lab of labs) {
      lab.policy('default = "allow"\n');
      expect(await lab.muxguard("open", "--control-path", lab.path("m"), "alpha.example")).toMatchObject({
        code: 0,
      });
      lab.policy("");
    }
    const screen = await watch(at().laptop);
    const lines = at().build.path("twice");
    const again = `while [ ! -e ${lines} ]; do sleep 0.1; done`;
    const ssh = `ssh -F ${at().build.sshConfig} alpha.example echo`;
    const done = sh(at().build, `${ssh} first; ${again}; ${ssh} second`);
    await screen.shows(QUESTION);
    await screen.keysCount();
    screen.press("Right", "Right", "Enter");
    const remembered = async (lab: Lab): Promise<number> =>
      JSON.parse((await lab.muxguard("status", "--json")).stdout).grants;
    await until(async () => (await remembered(at().build)) === 1, "the answer");
    expect(await at().laptop.muxguard("fleet", "revoke", "alpha.example")).toMatchObject({ code: 0 });
    const said = Date.now();
    const isSaid = (lab: Lab): boolean =>
      lab.log().some(({ reason }) => /^the fleet says that host alpha\.example/.test(reason ?? ""));
    await until(() => labs.every(isSaid), "the word at all three", SOON);
    expect(Date.now() - said).toBeLessThan(SOON);
    for (const lab of labs) {
      const masters = async (): Promise<object[]> =>
        JSON.parse((await lab.muxguard("status", "--json")).stdout).masters;
      await until(async () => (await masters()).length === 0, "the end of the connection");
    }
    expect(await remembered(at().build)).toBe(0);
    at().build.write("twice", "");
    expect(await done).toMatchObject({ stdout: "first\n" });
    for (const lab of labs) {
      expect(await login(lab)).toMatchObject({ stdout: "" });
      expect(lab.log().at(-1)).toMatchObject({ by: "rule:fleet: host alpha.example is revoked" });
    }
  });

  it("keeps what is one user's from the others: seeds, keys, sockets and log", async () => {
    // as homes often are: what muxguard keeps in them is kept by its own folders and files alone
    for (const lab of labs)
      for (const name of ["", "config", "config/muxguard", "state", "runtime"])
        chmodSync(lab.path(name), 0o755);
    for (const lab of labs)
      for (const other of labs.filter((one) => one !== lab)) {
        const all = ["config", "state", "runtime"].map((name) => other.path(name));
        const found = async (...what: string[]): Promise<string> =>
          (await lab.run("find", [...all, "!", "-type", "d", ...what])).stdout;
        expect(await found("-readable")).toBe("");
        expect(await found("-writable")).toBe("");
        for (const name of ["config/muxguard/fleet/machine.nk", "state/muxguard/log.jsonl"]) {
          const { code, stderr } = await lab.run("cat", [other.path(name)]);
          expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("Permission denied") });
        }
        const agent = await lab.run("ssh-add", ["-l"], { environment: { SSH_AUTH_SOCK: other.agentSocket } });
        expect(agent.stderr).toMatch(/Permission denied/);
      }
  });

  describeWith(["nats"], "in the log of all three", () => {
    let bus: NatsConnection;
    const read = (): Promise<Result> => at().laptop.muxguard("log", "--fleet");
    afterAll(() => bus?.close());

    it("verifies each, and names an entry that was altered in the stream", async () => {
      const isSealed = async (): Promise<boolean> => {
        const { code, stderr } = await read();
        return code === 0 && stderr.split("sealed at").length === 1 + labs.length;
      };
      await until(isSealed, "the seals", 2 * A_MINUTE, 500);
      bus = await fleet.hostile();
      const all = await messagesOf(bus);
      const at = all.findIndex(({ machine, data }) => machine === "build1" && data.includes("alpha.example"));
      const { data, ...facts } = all[at] as (typeof all)[number];
      const altered = Buffer.from(data.toString().replaceAll("alpha.example", "gamma.example"));
      await replaceAll(bus, all.with(at, { ...facts, data: altered }));
      const { code, stderr } = await read();
      const { id } = JSON.parse(altered.toString());
      expect(stderr).toMatch(new RegExp(`build1: message \\d+, entry ${id}: this line was altered`));
      expect(stderr).not.toMatch(/(?:laptop|desk): its log is not/);
      expect(code).toBe(1);
    }, 180_000);
  });
});
