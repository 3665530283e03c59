/** The logs of all machines in one stream: nothing is lost, nothing comes twice, and what is not their own is named. */

import type { ChildProcess } from "node:child_process";
import { readFileSync, renameSync } from "node:fs";
import type { NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { FleetLab } from "../../../lab/fleet/fleet-lab.ts";
import { type Lab, type Result, until } from "../../../lab/lab.ts";
import { endOf } from "../../../lab/processes.ts";
import { linked } from "../../../src/audit/chain.ts";
import type { AuditEvent } from "../../../src/audit/event.ts";
import { AuditLog } from "../../../src/audit/log.ts";
import { Bus } from "../../../src/fleet/bus/bus.ts";
import { Outbox } from "../../../src/fleet/log/outbox.ts";
import { hashOf } from "../../../src/fleet/log/place.ts";
import { makeSeal } from "../../../src/fleet/log/seal.ts";
import { LogStream, type Message, MOST_LINES } from "../../../src/fleet/log/stream.ts";
import { machineName } from "../../../src/fleet/subjects.ts";
import { openRegular } from "../../../src/platform/files/regular-file.ts";
import { readConfig } from "../../../src/settings/config.ts";
import type { FleetConfig } from "../../../src/settings/fleet/config.ts";
import { describeWith } from "../tools.ts";
import { messagesOf, replaceAll } from "./stream.ts";

const MANY = 600;
/** Longer than the bus takes at once. */
const LONG = 400_000;

describeWith(["nats", "openssl", "ssh", "sshd"], "a fleet's log", () => {
  const fleet = new FleetLab();
  const names = ["build1", "build2", "laptop"];
  const labs = new Map<string, Lab>();
  const daemons = new Map<string, ChildProcess>();
  const lab = (name: string): Lab => labs.get(name) as Lab;
  const login = (name: string): Promise<Result> =>
    lab(name).run("sh", ["-c", `ssh -F ${lab(name).sshConfig} alpha.example echo in; :`], {
      environment: { SSH_AUTH_SOCK: lab(name).agentSocket },
    });
  const start = async (name: string): Promise<void> => void daemons.set(name, await lab(name).startDaemon());
  const fleetLog = (...more: string[]): Promise<Result> => lab("laptop").muxguard("log", "--fleet", ...more);
  const local = (name: string): string[] =>
    readFileSync(lab(name).path("state/muxguard/log.jsonl"), "utf8").trimEnd().split("\n");
  const inFleet = async (name: string): Promise<string[]> => {
    const { stdout } = await fleetLog("--json", "--machine", name);
    return stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.replace(`,"machine":"${name}"}`, "}"));
  };
  /** Until the stream has what the machine's own file has, line by line. */
  const untilEqual = (name: string, all = (): string[] => local(name)): Promise<unknown> =>
    until(async () => (await inFleet(name)).join("\n") === all().join("\n"), `the log of ${name}`, 30_000);

  /** As guards without a daemon write beside it. */
  function write(name: string, count: number, command = "make"): void {
    const log = new AuditLog(lab(name).path("state/muxguard/log.jsonl"), openRegular);
    for (let n = 0; n < count; n++) log.append(event(`t${Math.random().toString(36).slice(2, 10)}`, command));
    log.close();
  }

  beforeAll(async () => {
    await fleet.init(names, ["alice"]);
    await fleet.startServerOfFleet();
    for (const name of names) {
      const made = await fleet.machine(name, name === "laptop" ? "alice" : undefined);
      labs.set(name, made);
      const key = made.key("work");
      await made.startAgent("upstream.sock", key);
      await made.startServer("alpha.example", key);
      made.policy('default = "allow"\n');
      await start(name);
    }
  });
  afterAll(() => fleet.close());

  it("has the entries of three machines, each as in its own file, sealed, and verified", async () => {
    for (const name of names) expect(await login(name)).toMatchObject({ stdout: "in\n" });
    for (const name of names) await untilEqual(name);
    await until(async () => (await fleetLog()).stderr.split("sealed at").length === 4, "the seals");
    const { code, stdout, stderr } = await fleetLog();
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringMatching(/build1: \d+ entr/) });
    for (const name of names)
      expect(stdout).toMatch(new RegExp(`^${name} .* allow {2}log in to alpha.example`, "m"));
  });

  it("is narrowed by machine, host, program, decision and time", async () => {
    const lines = async (...words: string[]): Promise<string[]> =>
      (await fleetLog(...words)).stdout.split("\n").filter((line) => line !== "");
    lab("build2").policy('default = "deny"\n');
    await login("build2");
    await untilEqual("build2");
    const denied = await lines("--decision", "deny");
    expect(denied.length).toBeGreaterThan(0);
    expect(denied.every((line) => line.startsWith("build2 "))).toBe(true);
    expect(await lines("--machine", "build1", "--host", "alpha.example")).not.toHaveLength(0);
    expect(await lines("--host", "beta.example")).toHaveLength(0);
    expect(await lines("--program", "ssh", "-n", "1")).toHaveLength(1);
    expect(await lines("--since", "2036-01-01")).toHaveLength(0);
    expect(await lines("--person", "alice")).toHaveLength(0);
    lab("build2").policy('default = "allow"\n');
  });

  it("loses nothing and has nothing twice where the server is killed in the middle, and started again", async () => {
    write("build1", MANY);
    await until(async () => (await inFleet("build1")).length > MANY / 10, "the first of them");
    await fleet.killServer();
    write("build1", MANY);
    for (const name of names) expect(await login(name)).toMatchObject({ stdout: "in\n" });
    await fleet.startServerOfFleet();
    for (const name of names) await untilEqual(name);
    expect(await fleetLog()).toMatchObject({ code: 0 });
  });

  it("goes on where it was after a daemon that was killed, through a rotation, with a long entry", async () => {
    daemons.get("build1")?.kill("SIGKILL");
    await endOf(daemons.get("build1") as ChildProcess);
    write("build1", 3);
    const before = local("build1");
    const path = lab("build1").path("state/muxguard/log.jsonl");
    const long = new AuditLog(path, openRegular);
    long.append(event("long", "x".repeat(LONG)));
    before.push(local("build1").at(-1) ?? "");
    renameSync(path, `${path}.1`);
    long.append(event("behind", "make"));
    long.close();
    await start("build1");
    write("build1", 3);
    await untilEqual("build1", () => [...before, ...local("build1")]);
    expect(await fleetLog()).toMatchObject({ code: 0 });
  });

  describe("with a bus that means harm", () => {
    let bus: NatsConnection;
    const all: Message[] = [];
    beforeEach(async () => {
      for (const name of names) {
        const daemon = daemons.get(name);
        if (daemon) await endOf(daemon);
        daemons.delete(name);
      }
      bus ??= await fleet.hostile();
      if (all.length > 0) return;
      all.push(...(await messagesOf(bus)));
    });

    const replace = (messages: readonly Message[]): Promise<void> => replaceAll(bus, messages);
    const ownOf = (machine: string): Message[] => all.filter((one) => one.machine === machine && !one.isSeal);

    it("has nothing twice, whatever was killed: in the stream itself, before anybody leaves repeats out", () => {
      for (const name of names) {
        const hashes = ownOf(name).map(({ data }) => hashOf(data));
        expect(new Set(hashes).size).toBe(hashes.length);
      }
      expect(ownOf("build1").length).toBeGreaterThan(2 * MANY);
    });

    it("has had what came in the meantime sent together", () => {
      const sent = new Set(ownOf("build1").map(({ at }) => Math.floor(at)));
      expect(sent.size).toBeLessThan(ownOf("build1").length / 2);
    });

    it("names an entry that was altered among those that were sent together", async () => {
      const lines = ownOf("build2").map(({ data }) => data);
      const altered = lines.map((line, at) =>
        at === 1 ? Buffer.from(line.toString().replace("alpha.example", "gamma.example")) : line,
      );
      expect(altered).not.toEqual(lines);
      await replace(all.filter(({ machine }) => machine !== "build2"));
      const stream = await LogStream.open(bus);
      const at = await stream.addLines("build2", altered.slice(0, MOST_LINES), "together", 0);
      const { stderr } = await fleetLog();
      const { id } = JSON.parse(altered[1]?.toString() ?? "");
      expect(stderr).toContain(`build2: message ${at}.02, entry ${id}: this line was altered`);
      // more than a guard sends at once are none: they would have another's numbers
      await stream.addLines("build2", Array(MOST_LINES + 1).fill(lines[2]), "many", at);
      expect((await fleetLog()).stderr).toMatch(/build2: message \d+: is no line of a log/);
    });

    it("names an entry that the bus has altered, and the machine alone", async () => {
      const [, altered] = ownOf("build2");
      const data = Buffer.from(altered?.data.toString().replace("alpha.example", "gamma.example") ?? "");
      expect(data.equals(altered?.data as Buffer)).toBe(false);
      await replace(all.map((one) => (one === altered ? { ...one, data } : one)));
      const { code, stderr } = await fleetLog();
      const { id } = JSON.parse(data.toString());
      expect(stderr).toMatch(new RegExp(`build2: message \\d+, entry ${id}: this line was altered`));
      expect(stderr).not.toMatch(/laptop: its log is not/);
      expect(code).toBe(1);
    });

    it("names a gap that the bus has made", async () => {
      const [, gone] = ownOf("build2");
      await replace(all.filter((one) => one !== gone));
      const { code, stderr } = await fleetLog();
      expect(stderr).toMatch(/build2: message \d+, entry \w+: 1 entry is missing before it/);
      expect(code).toBe(1);
    });

    it("takes no entry of another machine for this one's, though it follows and has that one's seal", async () => {
      const last = ownOf("laptop").at(-1)?.data as Buffer;
      const seq = JSON.parse(last.toString()).seq as number;
      const json = JSON.stringify(event("forged", "make"));
      const forged = Buffer.from(linked(json, { hash: hashOf(last), seq }));
      const key = lab("build2").path("config/muxguard/fleet/machine_key");
      const what = {
        v: 1,
        machine: "laptop",
        seq: seq + 1,
        hash: hashOf(forged),
        time: "2026-11-29T22:00:00.000Z",
      };
      const seal = await makeSeal(what as Parameters<typeof makeSeal>[0], key, process.env.PATH);
      const message = { machine: "laptop", at: 0, isSeal: false };
      await replace([
        ...all,
        { ...message, data: forged },
        { ...message, data: Buffer.from(JSON.stringify(seal)), isSeal: true },
      ]);
      const { code, stderr } = await fleetLog();
      expect(stderr).toMatch(/laptop: message \d+: the seal does not count: ssh-keygen does not verify it/);
      expect(code).toBe(1);
    });

    it("seals the last entry again after each new one, and goes on with what came before it", async () => {
      const log = lab("build2").path("spare.jsonl");
      const config = {
        machine: "spare",
        machineKey: lab("build2").path("config/muxguard/fleet/machine_key"),
      };
      const parts = { config, log, place: lab("build2").path("place"), environment: process.env };
      const outbox = new Outbox({ ...parts, sealEvery: 100 });
      outbox.begin();
      const faults = new Set<string | undefined>();
      void outbox.follow(bus, (fault) => faults.add(fault));
      const seals = async (): Promise<number> => {
        let count = 0;
        for await (const { isSeal } of (await LogStream.open(bus)).messages("spare")) count += isSeal ? 1 : 0;
        return count;
      };
      for (const count of [1, 2, 3]) {
        const one = new AuditLog(log, openRegular);
        one.append(event(`spare${count}`, "make"));
        one.close();
        await until(async () => (await seals()) === count, "the seal");
      }
      outbox.close();
      expect([...faults]).toEqual([undefined]);
    });

    it("lets no machine write into another one's log, nor read it, by the server's own word", async () => {
      const { fleet: config } = await readConfig({ config: lab("build2").path("config/muxguard") });
      const { servers, tls, credentials } = config as FleetConfig;
      const wrong: string[] = [];
      const changed = (fault?: string): void => void wrong.push(fault ?? "");
      const own = new Bus({ name: machineName("build2"), servers, tls, credentials, changed });
      own.start();
      await until(async () => own.connection !== undefined, "the bus");
      const stream = await LogStream.open(own.connection as NatsConnection);
      await expect(stream.last("build2")).resolves.toMatchObject({ machine: "build2" });
      await expect(stream.add("laptop", Buffer.from("{}"), "x", 0)).rejects.toThrow(/permission/i);
      await expect(stream.last("laptop")).rejects.toThrow(/permission/i);
      await own.close();
    });
  });

  function event(id: string, command: string): AuditEvent {
    return {
      time: new Date().toISOString(),
      id,
      kind: "session",
      decision: "allow",
      by: "default",
      command,
    };
  }
});
