/** What a person is told who begins with a fleet: what to start, what is missing, and what does not answer. */
import {
  accessSync,
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { delimiter } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { FleetLab } from "../../../lab/fleet/fleet-lab.ts";
import { ended, Lab, type Result } from "../../../lab/lab.ts";
import { personBus } from "../../../src/cli/fleet/person-bus.ts";
import { viewFleet } from "../../../src/cli/watch/fleet.ts";
import { Bus } from "../../../src/fleet/bus/bus.ts";
import { readConfig } from "../../../src/settings/config.ts";
import type { FleetConfig, Person } from "../../../src/settings/fleet/config.ts";
import type { Paths } from "../../../src/settings/paths.ts";
import { describeWith } from "../tools.ts";
import { Joined } from "./joined.ts";

/** The PATH of an ordinary user of Debian. */
const PATH = (process.env.PATH ?? "")
  .split(delimiter)
  .filter((folder) => !folder.endsWith("/sbin"))
  .join(delimiter);
/** A command that does not wait for its whole patience, on a machine that does other things, in milliseconds. */
const SOON = 8000;

describeWith(["nats", "openssl", "ssh", "sshd"], "who begins with a fleet", () => {
  const fleet = new FleetLab();
  let laptop: Lab;
  let joined: Joined;
  let build: Lab;
  const pathsOf = (lab: Lab): Paths =>
    ({ config: lab.path("config/muxguard"), runtime: lab.folder }) as Paths;

  beforeAll(async () => {
    await fleet.init(["laptop", "build1"], ["alice"]);
    laptop = await fleet.machine("laptop", "alice");
    await laptop.startAgent("alice.sock", fleet.path("alice"));
    joined = await Joined.join(fleet, "build1");
    build = joined.lab;
  });
  afterAll(() => fleet.close());

  /** All that speak to the bus as a person, and end by themselves. */
  const personCommands = (lab: Lab): Promise<Result[]> => {
    lab.write("policy.toml", 'default = "ask"\n');
    return Promise.all([
      lab.muxguard("fleet", "policy", "push", lab.path("policy.toml")),
      lab.muxguard("fleet", "revoke", "alpha.example"),
      lab.muxguard("log", "--fleet"),
    ]);
  };

  it("is told where the server's program is, also where the PATH does not lead there", async () => {
    const muxguard = (...words: string[]): Promise<Result> =>
      fleet.run(process.execPath, [fleet.muxguardProgram, "fleet", ...words], { environment: { PATH } });
    const folder = fleet.path("other");
    const made = await muxguard("init", folder, "--machine", "a");
    const more = await muxguard("add", folder, "--machine", "b");
    const [, server = ""] = /^the server: {5}(\/\S+) -c /m.exec(made.stdout) ?? [];
    accessSync(server, constants.X_OK);
    expect(more.stdout).toContain(`the server:     ${server} --signal reload\n`);
  });

  it.each<[string, string, string[]]>([
    [
      "as a person without a machine",
      "the folder of the machine is missing; a person joins with it, or later: muxguard fleet join machine-NAME FLEET/person-alice",
      ["person-alice"],
    ],
    ["as two machines", "these are folders of several machines", ["machine-laptop", "machine-build1"]],
    [
      "as two persons",
      "these are folders of several persons",
      ["machine-build1", "person-alice", "person-alice"],
    ],
  ])("is refused to join %s, and nothing is written", async (_, words, names) => {
    const lab = new Lab();
    const config = lab.path("config/muxguard/config.toml");
    const before = readFileSync(config, "utf8");
    const root = fleet.path("fleet");
    const { code, stderr } = await lab.muxguard("fleet", "join", ...names.map((name) => `${root}/${name}`));
    expect(code).toBe(64);
    expect(stderr).toContain(words.replace("FLEET", root));
    expect(readFileSync(config, "utf8")).toBe(before);
    expect(existsSync(lab.path("config/muxguard/fleet"))).toBe(false);
    await lab.close();
  });

  it("takes in a person later, and one alone", async () => {
    const lab = new Lab();
    const join = (name: string): Promise<Result> =>
      lab.muxguard("fleet", "join", fleet.path(`fleet/${name}`));
    const config = lab.path("config/muxguard/config.toml");
    expect(await join("machine-laptop")).toMatchObject({ code: 0 });
    writeFileSync(config, `${readFileSync(config, "utf8")}\n[scope.work]\nconfine = true\n`);
    expect(await join("person-alice")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("has a person in its [fleet] now"),
    });
    const { fleet: found } = await readConfig(pathsOf(lab));
    expect(found?.person).toMatchObject({ name: "alice" });
    expect(statSync(lab.path("config/muxguard/fleet/person.nk")).mode & 0o777).toBe(0o600);
    for (const [name, words] of [
      ["person-alice", "has a [fleet] already with a person; first: muxguard fleet leave"],
      ["machine-build1", "has a [fleet] already; first: muxguard fleet leave"],
    ] as const)
      expect(await join(name)).toMatchObject({ code: 64, stderr: expect.stringContaining(words) });
    await lab.close();
  });

  it("leaves nothing of a fleet that could not be made, and can be made then", async () => {
    const folder = fleet.path("half");
    const init = (PATH = process.env.PATH): Promise<Result> =>
      fleet.run(process.execPath, [fleet.muxguardProgram, "fleet", "init", folder, "--machine", "a"], {
        environment: { PATH },
      });
    expect(await init(fleet.folder)).toMatchObject({ code: 1, stderr: expect.stringContaining("openssl") });
    expect(existsSync(folder)).toBe(false);
    expect(await init()).toMatchObject({ code: 0 });
  });

  it("leaves a machine as it was, but for what is the user's own, and can join again", async () => {
    const lab = new Lab();
    const root = fleet.path("fleet");
    const folders = [`${root}/machine-build1`, `${root}/person-alice`];
    const [config, own] = ["config.toml", "fleet"].map((name) => lab.path(`config/muxguard/${name}`)) as [
      string,
      string,
    ];
    const scope = "\n# for work\n[scope.work]\nconfine = true\n";
    lab.config('approvers = ["queue"]\n');
    const before = readFileSync(config, "utf8");
    expect(await lab.muxguard("fleet", "leave")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("has no [fleet]"),
    });
    expect(await lab.muxguard("fleet", "join", ...folders)).toMatchObject({ code: 0 });
    writeFileSync(config, readFileSync(config, "utf8") + scope);
    lab.write("config/muxguard/fleet/notes", "mine");
    lab.write("state/muxguard/fleet-policy.jsonl", "kept\n");
    const { code, stdout } = await lab.muxguard("fleet", "leave");
    expect(code).toBe(0);
    expect(stdout).toContain(`${own} stays, as it has notes\n`);
    expect(readFileSync(config, "utf8")).toBe(`${before}${scope}`);
    expect(readdirSync(own)).toEqual(["notes"]);
    expect(existsSync(lab.path("state/muxguard/fleet-policy.jsonl"))).toBe(false);
    rmSync(own, { recursive: true });
    expect(await lab.muxguard("fleet", "join", ...folders)).toMatchObject({ code: 0 });
    expect(await lab.muxguard("fleet", "leave")).toMatchObject({
      code: 0,
      stdout: expect.not.stringContaining("stays, as"),
    });
    expect(existsSync(own)).toBe(false);
    await lab.close();
  });

  it("is told in the same words by all commands that no person has joined", async () => {
    const words = "config.toml has no [fleet] with a person: muxguard fleet join person-NAME";
    for (const one of await personCommands(build))
      expect(one).toMatchObject({ code: 78, stderr: `muxguard: ${words}\n` });
    await expect(viewFleet(pathsOf(build), () => {})).rejects.toThrow(words);
  });

  it("hears soon which server refuses, while none is started", async () => {
    const began = performance.now();
    const done = await personCommands(laptop);
    expect(performance.now() - began).toBeLessThan(SOON);
    const stderr = `muxguard: the bus: connection refused: ${fleet.serverUrl}; start nats-server there\n`;
    for (const one of done) expect(one).toMatchObject({ code: 1, stderr });
  });

  it("need not wait for a server that was started just before", async () => {
    const config = (await readConfig(pathsOf(laptop))).fleet as FleetConfig;
    const connecting = personBus(config, config.person as Person);
    const other = new Bus({ ...config, name: "m-x" });
    other.start();
    await other.tried;
    expect(other.fault).toBe("connection refused");
    await Promise.all([other.close(), fleet.startServerOfFleet()]);
    await (await connecting).close();
  });

  it("is told that a machine has no line, and not that its log was altered", async () => {
    const daemon = await joined.start();
    joined.write(3);
    await joined.untilInStream(laptop);
    daemon.kill(); // it seals what it has sent
    await ended(daemon);
    const log = (): Promise<Result> => laptop.muxguard("log", "--fleet", "--machine", "build1");
    expect(await log()).toMatchObject({ code: 0, stderr: expect.stringContaining("sealed at") });
    const signers = "config/muxguard/fleet/allowed_signers";
    const all = readFileSync(laptop.path(signers), "utf8");
    const line = /^build1 .*$/m.exec(all)?.[0] ?? "";
    const missing =
      "build1: its seals do not count: allowed_signers has no line for build1 with muxguard-log";
    for (const other of ["", line.replace("muxguard-log", "muxguard-policy")]) {
      laptop.write(signers, all.replace(line, other));
      const { code, stderr } = await log();
      expect(code).toBe(1);
      expect(stderr.split("\n")).toContain(missing);
      expect(stderr).not.toContain("as it was written");
      expect(stderr).toContain("with no seal that counts");
    }
    laptop.write(signers, all.replace(line, `build1 ${readFileSync(`${fleet.path("alice")}.pub`, "utf8")}`));
    expect(await log()).toMatchObject({ code: 1, stderr: expect.stringContaining("as it was written") });
  });
});
