/** What is revoked holds, whatever else happens in the moment in which it is said. */
import { mkdirSync, renameSync, rmdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { FleetLab } from "../../../lab/fleet/fleet-lab.ts";
import { type Lab, type Result, until } from "../../../lab/lab.ts";
import { endOf } from "../../../lab/processes.ts";
import { keyOf, type RevokeStatement } from "../../../src/fleet/policy/entry.ts";
import { describeWith } from "../tools.ts";
import { type Heard, Hostile } from "./hostile.ts";
import { forge, stated } from "./said.ts";
import { slowKeygen } from "./signatures.ts";

/** More than wait at once. */
const MANY = 150;
/** How long it may take until it is in force everywhere, in milliseconds. */
const SOON = 2000;

describeWith(["nats", "openssl", "ssh", "sshd"], "what a fleet has revoked", () => {
  const fleet = new FleetLab();
  let build: Lab;
  let bus: Hostile;
  let end: () => Promise<void>;
  let revocations = Date.now();

  const start = async (): Promise<void> => {
    const daemon = await build.startDaemon();
    end = () => endOf(daemon);
    await until(async () => (await build.muxguard("status")).stdout.includes("build1, connected"), "the bus");
  };
  const login = (): Promise<Result> =>
    build.run("sh", ["-c", `ssh -F ${build.sshConfig} alpha.example echo in; :`], {
      environment: { SSH_AUTH_SOCK: build.agentSocket },
    });
  const say = async (what: "host" | "machine", name: string, lifted = false): Promise<void> => {
    const said: RevokeStatement = { v: 1, kind: "revoke", sequence: revocations++, what, name, lifted };
    bus.publish(`$KV.muxguard.${keyOf(said)}`, await forge(fleet, said));
  };

  beforeAll(async () => {
    await fleet.init(["build1", "laptop", "evil"], ["alice", "bob"]);
    await fleet.startServerOfFleet();
    build = await fleet.machine("build1");
    const key = build.key("work");
    await build.startAgent("upstream.sock", key);
    await build.startServer("alpha.example", key);
    build.policy('default = "allow"\n');
    await start(); // the bucket is made
    bus = await Hostile.join(fleet);
  });
  afterAll(async () => {
    await bus?.close();
    await fleet.close();
  });

  it("is taken whole by a machine that was away meanwhile, however much it is", async () => {
    await end();
    for (let nth = 0; nth < MANY; nth++)
      await say("host", nth === MANY - 1 ? "alpha.example" : `h${nth}.example`);
    await bus.flush();
    await start();
    await until(async () => (await stated(build)) === `${MANY} revoked`, "all of them");
    expect(await login()).toMatchObject({ stdout: "" });
    await say("host", "alpha.example", true);
    await until(async () => (await stated(build)) === `${MANY - 1} revoked`, "the end of it");
    expect(await login()).toMatchObject({ stdout: "in\n" });
  });

  it("is in force while the log can't be written, and is in the log before the next decision", async () => {
    renameSync(build.logFile, `${build.logFile}.away`);
    mkdirSync(build.logFile);
    await say("host", "alpha.example");
    await until(async () => (await stated(build)) === `${MANY} revoked`, "the revocation", SOON);
    rmdirSync(build.logFile);
    renameSync(`${build.logFile}.away`, build.logFile);
    expect(await login()).toMatchObject({ stdout: "" });
    expect(build.log().slice(-2)).toMatchObject([
      {
        operation: "fleet-policy",
        reason: expect.stringContaining("says that host alpha.example is revoked"),
      },
      { decision: "deny", by: "rule:fleet: host alpha.example is revoked" },
    ]);
    await say("host", "alpha.example", true);
    await until(async () => (await stated(build)) === `${MANY - 1} revoked`, "the end of it");
  });

  it("gives no yes any more, though its signature was being verified: it was signed on that machine", async () => {
    await end();
    const hurry = slowKeygen(build, 1.5);
    build.policy('[[rule]]\nhost = "alpha.example"\naction = "ask"\napprover = "fleet"\ntimeout = "12s"\n');
    await start();
    hurry();
    const before = bus.heard.length;
    const done = login();
    await until(() => bus.heard.length > before, "the question");
    const question = bus.heard[before] as Heard;
    const yes = await bus.vote({ ...bus.yesTo(question, "bob"), from: "evil" }, "bob");
    await say("machine", "evil");
    await sleep(400);
    bus.send(question, yes);
    expect(await done).toMatchObject({ stdout: "" });
    expect(bus.told).toEqual([expect.stringContaining("signed on evil, which is revoked")]);
  });
});
