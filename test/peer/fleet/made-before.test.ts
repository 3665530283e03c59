/** A machine is on the bus before all others, and makes the streams as it likes. */
import type { ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import type { StreamConfig } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { FleetLab } from "../../../lab/fleet/fleet-lab.ts";
import { type Lab, until } from "../../../lab/lab.ts";
import { endOf } from "../../../lab/processes.ts";
import { Bus } from "../../../src/fleet/bus/bus.ts";
import { jetstreamManager } from "../../../src/fleet/bus/library.ts";
import { machineName } from "../../../src/fleet/subjects.ts";
import { describeWith } from "../tools.ts";
import { Joined, NOTICED } from "./joined.ts";
import { stated } from "./said.ts";

type Made = Partial<StreamConfig> & { name: string };

/** As guards make them. */
const LOG: Made = { name: "muxguard-log", subjects: ["mg.l.*"], discard: "new", allow_direct: true };
const BUCKET: Made = {
  ...{ name: "KV_muxguard", subjects: ["$KV.muxguard.>"], max_msgs_per_subject: 1 },
  ...{ discard: "new", allow_direct: true, allow_rollup_hdrs: true },
};
const SECOND = 1e9;
/** In this time it would be in the stream, in milliseconds. */
const NOTHING_COMES = 3000;
/** In its name, to whoever hears build1's questions. */
const AS_OTHER = { republish: { src: "mg.q.evil.>", dest: "mg.q.build1.>" } };

describeWith(["nats", "openssl", "ssh", "sshd"], "a machine that makes the streams", () => {
  const fleet = new FleetLab();
  let evil: Bus;
  let operator: NatsConnection;
  let build: Joined;
  let admin: Lab;
  let daemon: ChildProcess;

  beforeAll(async () => {
    await fleet.init(["build1", "laptop", "evil"], ["alice"]);
    await fleet.startServerOfFleet();
    operator = await fleet.hostile();
    build = await Joined.join(fleet, "build1");
    build.lab.policy('default = "allow"\n');
    admin = await fleet.machine("laptop", "alice");
    await admin.startAgent("alice.sock", fleet.path("alice"));
    const credentials = fleet.path("fleet/machine-evil/machine.nk");
    const tls = { ca: fleet.path("fleet/server.pem") };
    evil = new Bus({ servers: [fleet.serverUrl], tls, name: machineName("evil"), credentials });
    evil.start();
    await until(() => evil.connection !== undefined, "the bus");
  });
  afterEach(async () => {
    await endOf(daemon);
    for (const { name } of [LOG, BUCKET]) await remove(name);
  });
  afterAll(async () => {
    await evil.close();
    await operator.close();
    await fleet.close();
  });

  const remove = async (name: string): Promise<void> =>
    void (await operator.request(`$JS.API.STREAM.DELETE.${name}`));

  /** With nothing but what the server lets a machine do. */
  async function make(config: Made): Promise<void> {
    const manager = await jetstreamManager(evil.connection as NatsConnection, { checkAPI: false });
    await manager.streams.add(config);
  }

  async function start(): Promise<void> {
    daemon = await build.start();
    await build.untilConnected();
  }

  /** What is logged now: all of before may have gone with its stream. */
  async function isLogged(): Promise<void> {
    build.write(1);
    const [, id = ""] = /"id":"(\w+)"/.exec(build.lines.at(-1) ?? "") ?? [];
    const isThere = async (): Promise<boolean> =>
      (await admin.muxguard("log", "--fleet", "--json")).stdout.includes(id);
    await until(isThere, "the entry", NOTICED, 250);
  }

  async function isRevoked(): Promise<void> {
    expect(await admin.muxguard("fleet", "revoke", "alpha.example")).toMatchObject({ code: 0 });
    await until(async () => (await stated(build.lab)).endsWith("1 revoked"), "the revocation");
    expect(await admin.muxguard("fleet", "revoke", "--lift", "alpha.example")).toMatchObject({ code: 0 });
    await until(async () => !(await stated(build.lab)).includes("revoked"), "that it counts again");
  }

  it.each<[string, string, Partial<StreamConfig>]>([
    [
      "speaks in another's name",
      "republish, other subjects",
      { ...AS_OTHER, subjects: ["$KV.muxguard.>", "mg.q.evil.>"] },
    ],
    ["has revocations run out", "max_age", { max_age: 3 * SECOND, duplicate_window: SECOND }],
    ["has new ones take the place of others", "discard = old", { discard: "old", max_bytes: 4096 }],
    ["has them gone where nobody hears them", "retention = interest", { retention: "interest" }],
    ["has them gone with the server", "storage = memory", { storage: "memory" }],
    [
      "has the server take what is said elsewhere",
      "sources",
      { sources: [{ name: "elsewhere" }] as unknown as NonNullable<StreamConfig["sources"]> },
    ],
  ])("%s by no policy's bucket that anybody uses", async (_, named, settings) => {
    await make({ ...BUCKET, ...settings });
    await start();
    await build.untilWrong(
      new RegExp(`the policy's bucket: not used, as somebody made it with ${named}; on`),
    );
    const refused = {
      code: 1,
      stderr: expect.stringContaining(`it with ${named}; on the server: nats stream`),
    };
    expect(await admin.muxguard("fleet", "revoke", "alpha.example")).toMatchObject(refused);
    // the guard goes on by itself
    expect(await build.login()).toMatchObject({ stdout: "in\n" });
    await remove(BUCKET.name);
    await until(async () => !(await build.wrong()).includes("bucket"), "the end of the complaint", NOTICED);
    await isLogged();
    await isRevoked();
  });

  it("reads nobody's log by a policy's bucket that takes it from there", async () => {
    const taken = async (): Promise<number> => {
      const manager = await jetstreamManager(evil.connection as NatsConnection, { checkAPI: false });
      return (await manager.streams.info(BUCKET.name)).state.messages;
    };
    await make(LOG);
    await make({
      ...BUCKET,
      sources: [{ name: LOG.name }] as unknown as NonNullable<StreamConfig["sources"]>,
    });
    // it does take it
    operator.publish("mg.l.other", "logged before");
    await until(async () => (await taken()) === 1, "what was logged");
    await start();
    await build.untilWrong(
      /the fleet's log: it waits for the policy's bucket: not used, as somebody made it/,
    );
    build.write(3);
    await sleep(NOTHING_COMES);
    expect(await taken()).toBe(1);
    await remove(BUCKET.name);
    await isLogged();
  });

  it.each<[string, string, Partial<StreamConfig>]>([
    [
      "speaks in another's name",
      "republish, other subjects",
      { ...AS_OTHER, subjects: ["mg.l.*", "mg.q.evil.>"] },
    ],
    ["has old entries give way", "discard = old", { discard: "old" }],
    ["has entries gone that somebody took", "retention = workqueue", { retention: "workqueue" }],
    ["has a machine remove what others logged", "allow_rollup_hdrs", { allow_rollup_hdrs: true }],
  ])("%s by no log that anybody uses", async (_, named, settings) => {
    await make({ ...LOG, ...settings });
    await start();
    await build.untilWrong(new RegExp(`the fleet's log: not used, as somebody made it with ${named}; on`));
    const refused = {
      code: 1,
      stdout: "",
      stderr: expect.stringContaining("log: not used, as somebody made it"),
    };
    expect(await admin.muxguard("log", "--fleet")).toMatchObject(refused);
    expect(await build.login()).toMatchObject({ stdout: "in\n" });
    await isRevoked();
    await remove(LOG.name);
    await isLogged();
    expect(await build.wrong()).not.toContain("the fleet's log");
  });

  describe("so that what is logged is gone after a while", () => {
    it.each<[string, Partial<StreamConfig>]>([
      [
        "keeps entries for 3 seconds only: somebody has set max_age",
        { max_age: 3 * SECOND, duplicate_window: SECOND },
      ],
      [
        "keeps 2 messages of a machine only: somebody has set max_msgs_per_subject",
        { max_msgs_per_subject: 2 },
      ],
    ])("can't keep that from who reads it: it %s", async (told, settings) => {
      await make({ ...LOG, ...settings });
      await start();
      build.write(2);
      await until(async () => (await admin.muxguard("log", "--fleet")).stdout !== "", "an entry");
      const { stderr } = await admin.muxguard("log", "--fleet");
      expect(stderr).toContain(`the stream ${told}\n`);
    });
  });

  it("as an operator wants them is used as any other: sizes, replicas, an own window", async () => {
    await make({ ...BUCKET, max_bytes: 1_000_000, num_replicas: 1, description: "ours" });
    await make({ ...LOG, max_bytes: 1_000_000, num_replicas: 1, duplicate_window: 9 * SECOND });
    await start();
    expect(await build.login()).toMatchObject({ stdout: "in\n" });
    await isLogged();
    await isRevoked();
    expect((await admin.muxguard("log", "--fleet")).stderr).not.toContain("the stream");
    expect(await build.wrong()).not.toContain("[fleet]");
  });
});
