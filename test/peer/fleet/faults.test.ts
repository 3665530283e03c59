/** A bus that is full, slow, or there no more: questions go on, the log waits with its machine, and status says so. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { NatsConnection } from "@nats-io/transport-node";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { FleetLab } from "../../../lab/fleet/fleet-lab.ts";
import { type Lab, until } from "../../../lab/lab.ts";
import { listenFarFrom } from "../../../lab/network.ts";
import { LogStream } from "../../../src/fleet/log/stream.ts";
import { describeWith, runs } from "../tools.ts";
import { Joined } from "./joined.ts";

const SETTINGS = 'approvers = ["fleet", "queue"]\ntimeout = "20s"\n';
/** Longer than a question may take to be shown and answered here, on a busy machine, in milliseconds. */
const SOON = 10_000;
/** For those that wait for a server which is asked again at most each half minute, in milliseconds. */
const LONG = 150_000;
/** Entries that wait. */
const MANY = 50;
const MB = 1024 * 1024;
const DENY = '[[rule]]\nname = "no beta"\nhost = "beta.example"\naction = "deny"\n';

describeWith(["nats", "openssl", "ssh", "sshd"], "a fleet whose server", () => {
  let fleet: FleetLab;
  let build: Joined;
  let laptop: Lab;

  /** @param prepare before the server starts */
  async function open(prepare: () => void = () => {}): Promise<void> {
    fleet = new FleetLab();
    await fleet.init(["build1", "laptop"], ["alice"]);
    prepare();
    await fleet.startServerOfFleet();
    build = await Joined.join(fleet, "build1", SETTINGS);
    await build.start();
    laptop = await fleet.machine("laptop", "alice");
    await laptop.startAgent("alice.sock", fleet.path("alice"));
    await build.untilConnected();
  }

  /** A question is asked and answered at a screen of the machine itself, as fast as without a fleet. */
  async function answersHere(): Promise<void> {
    const { result, all } = await build.loginHere();
    expect(result).toMatchObject({ stdout: "in\n" });
    expect(all).toBeLessThan(SOON);
  }

  async function holdsEachOnce(bus: NatsConnection): Promise<void> {
    const lines: string[] = [];
    for await (const { data, isSeal } of (await LogStream.open(bus)).messages("build1"))
      if (!isSeal) lines.push(data.toString());
    expect(lines).toEqual(build.lines);
  }

  /** And nothing is said to be wrong any more. */
  async function hasAll(bus: NatsConnection): Promise<void> {
    await build.untilInStream(laptop);
    await until(async () => !(await build.wrong()).includes("[fleet]"), "the end of the complaint");
    expect(await laptop.muxguard("log", "--fleet", "--machine", "build1")).toMatchObject({ code: 0 });
    await holdsEachOnce(bus);
    await bus.close();
  }

  function push(): ReturnType<Lab["muxguard"]> {
    laptop.write("fleet.toml", DENY);
    return laptop.muxguard("fleet", "policy", "push", laptop.path("fleet.toml"));
  }

  describe("has as much as it may keep", () => {
    /** Of another machine, as far as the server knows. */
    const filler = "mg.l.other";
    beforeAll(() =>
      open(() => fleet.reconfigure((text) => text.replace("max_file_store: 4GB", "max_file_store: 68MB"))),
    );
    afterAll(() => fleet.close());

    it(
      "keeps nobody from asking, and has all in the end: each entry once, in order",
      async () => {
        await answersHere();
        await build.untilInStream(laptop);
        const bus = await fleet.hostile();
        await build.untilConnected();
        const full = async (): Promise<boolean> => {
          const { data } = await bus.request(filler, new Uint8Array(200_000), { timeout: 5000 });
          return /insufficient|resource|exceeded/.test(Buffer.from(data).toString());
        };
        await until(full, "a full store", LONG);
        await answersHere();
        build.write(MANY);
        await build.untilWrong(/\[fleet\]: the fleet's log: the server has no room for it/);
        expect((await build.stated()).fleet?.fault).toBeUndefined();
        // what all may use is used up: the bucket of the policy has none either, and who pushes is told
        expect(await push()).toMatchObject({ code: 1, stderr: expect.stringContaining("insufficient") });
        await answersHere();
        await bus.close();
        await fleet.killServer();
        fleet.reconfigure((text) => text.replace("max_file_store: 68MB", "max_file_store: 200MB"));
        await fleet.startServerOfFleet();
        await build.untilConnected();
        expect(await push()).toMatchObject({ code: 0 });
        await hasAll(await fleet.hostile());
      },
      LONG,
    );
  });

  const store = (): string => fleet.path("fleet/jetstream");
  const canMount = runs("/bin/sh", ["-c", 'd=$(mktemp -d) && mount -t tmpfs none "$d" && umount "$d"']);

  describe.skipIf(!canMount)("has a disk that is full", () => {
    beforeAll(() =>
      open(() => {
        mkdirSync(store(), { mode: 0o700 });
        execFileSync("mount", ["-t", "tmpfs", "-o", "size=16m", "none", store()]);
      }),
    );
    afterAll(async () => {
      await fleet.killServer();
      execFileSync("umount", [store()]);
      await fleet.close();
    });

    it(
      "keeps nobody from asking, and has all in the end: each entry once, in order",
      async () => {
        await answersHere();
        await build.untilInStream(laptop);
        expect(() => {
          for (;;) writeFileSync(`${store()}/filler`, Buffer.alloc(MB), { flag: "a" });
        }).toThrow(/ENOSPC/);
        build.write(MANY);
        await answersHere();
        // the server says so, or is asked in vain: it may have put JetStream off
        await build.untilWrong(/the fleet's log: (?:the server has no room|JetStream does not answer)/);
        expect((await build.stated()).fleet?.fault).toBeUndefined();
        await answersHere();
        rmSync(`${store()}/filler`);
        await fleet.killServer();
        await fleet.startServerOfFleet();
        await build.untilConnected();
        await hasAll(await fleet.hostile());
      },
      LONG,
    );
  });

  describe("is behind a network that lost it, in the middle of a question", () => {
    beforeAll(() => open());
    afterAll(() => fleet.close());
    afterEach(() => fleet.pauseServer(false));

    it("keeps nobody from asking before anyone has noticed, nor after, and has all in the end", async () => {
      await answersHere();
      await build.untilInStream(laptop);
      fleet.pauseServer(true);
      expect((await build.stated()).fleet?.fault).toBeUndefined();
      await answersHere();
      await build.untilLost();
      await answersHere();
      fleet.pauseServer(false);
      await build.untilConnected();
      await hasAll(await fleet.hostile());
    });

    it("denies what the fleet alone may answer, once its time is over", async () => {
      build.lab.policy(
        '[[rule]]\nhost = "alpha.example"\naction = "ask"\napprovals = 2\nsigners = "alice"\ntimeout = "3s"\n',
      );
      await build.untilConnected();
      fleet.pauseServer(true);
      expect(await build.login()).toMatchObject({ stdout: "" });
      expect(build.lab.log().findLast(({ kind }) => kind === "sign")).toMatchObject({ decision: "deny" });
      build.lab.policy("");
    });
  });

  describe("is a second away", () => {
    /** There and back, in milliseconds. */
    const FAR = 1000;
    beforeAll(async () => {
      await open();
      const port = await listenFarFrom(Number(new URL(fleet.serverUrl).port), FAR);
      const config = "config/muxguard/config.toml";
      const text = readFileSync(build.lab.path(config), "utf8");
      build.lab.write(config, text.replace(/servers = .*/, `servers = "tls://localhost:${port}"`));
      expect(await build.lab.muxguard("daemon", "restart")).toMatchObject({ code: 0 });
      await build.untilConnected();
    });
    afterAll(() => fleet.close());

    it("slows nobody who answers here, has what is asked, and has all in the end", async () => {
      const bus = await fleet.hostile();
      const heard: string[] = [];
      bus.subscribe("mg.q.>", { callback: (_, message) => void heard.push(message.string()) });
      await bus.flush();
      await build.untilConnected();
      const { result, asked } = await build.loginHere();
      expect(result).toMatchObject({ stdout: "in\n" });
      expect(asked).toBeLessThan(SOON);
      await until(() => heard.some((text) => JSON.parse(text).type === "question"), "the question");
      await until(() => heard.some((text) => JSON.parse(text).type === "end"), "its end");
      await hasAll(bus);
    });
  });
});
