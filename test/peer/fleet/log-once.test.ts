/** What comes twice, or from two: the stream has each line once, and nobody writes over another one unnoticed. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { FleetLab } from "../../../lab/fleet/fleet-lab.ts";
import { type Lab, until } from "../../../lab/lab.ts";
import { Bus } from "../../../src/fleet/bus/bus.ts";
import { isOvertaken, LogStream } from "../../../src/fleet/log/stream.ts";
import { machineName } from "../../../src/fleet/subjects.ts";
import { readConfig } from "../../../src/settings/config.ts";
import type { FleetConfig } from "../../../src/settings/fleet/config.ts";
import { describeWith } from "../tools.ts";

describeWith(["nats", "openssl", "ssh", "sshd"], "a line in a fleet's log", () => {
  const fleet = new FleetLab();
  let build: Lab;
  let laptop: Lab;
  let config: FleetConfig;
  let direct: LogStream;

  beforeAll(async () => {
    await fleet.init(["build1", "build2", "laptop"], ["alice"]);
    await fleet.startServerOfFleet();
    build = await fleet.machine("build1");
    laptop = await fleet.machine("laptop", "alice");
    config = (await readConfig({ config: build.path("config/muxguard") })).fleet as FleetConfig;
    direct = await LogStream.open(await fleet.hostile());
  });
  afterAll(() => fleet.close());

  /** In between; what the server says is held back from a moment on. */
  async function relay() {
    const sockets = new Set<Socket>();
    let isHeld = false;
    const server = createServer((client) => {
      const far = connect({ port: Number(new URL(fleet.serverUrl).port), host: "127.0.0.1" });
      for (const [from, to] of [[client, far] as const, [far, client] as const]) {
        sockets.add(from);
        from.on("data", (data) => !(isHeld && from === far) && to.write(data));
        from.on("close", () => to.destroy()).on("error", () => {});
      }
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    return {
      url: `tls://localhost:${(server.address() as AddressInfo).port}`,
      hold: () => {
        isHeld = true;
      },
      cut: () => {
        for (const socket of sockets) socket.destroy();
        isHeld = false;
      },
      close: () => server.close(),
    };
  }

  const linesOf = async (machine: string): Promise<string[]> => {
    const lines: string[] = [];
    for await (const { data } of direct.messages(machine)) lines.push(data.toString());
    return lines;
  };

  it("is there once where the server's answer was lost, and the line comes again", async () => {
    const between = await relay();
    const { tls, credentials } = config;
    const bus = new Bus({ name: machineName("build1"), servers: [between.url], tls, credentials });
    const join = async (): Promise<LogStream> => {
      await until(() => bus.connection !== undefined, "the bus", 20_000);
      return LogStream.open(bus.connection as NatsConnection);
    };
    bus.start();
    const first = await (await join()).add("build1", Buffer.from('{"n":1}'), "one", 0);
    const stream = await join();
    between.hold();
    const lost = stream.add("build1", Buffer.from('{"n":2}'), "two", first);
    lost.catch(() => {}); // looked at below
    await until(async () => (await linesOf("build1")).length === 2, "the line");
    between.cut();
    await expect(lost).rejects.toThrow();
    const again = await (await join()).add("build1", Buffer.from('{"n":2}'), "two", first);
    expect(again).toBeGreaterThan(first);
    expect(await linesOf("build1")).toEqual(['{"n":1}', '{"n":2}']);
    await bus.close();
    between.close();
  }, 60_000);

  it("is refused where somebody else has written in that machine's name since", async () => {
    const first = await direct.add("build2", Buffer.from('{"n":1}'), "build2:one", 0);
    await direct.add("build2", Buffer.from('{"n":"other"}'), "build2:other", first);
    const late = direct.add("build2", Buffer.from('{"n":2}'), "build2:two", first);
    await expect(late).rejects.toSatisfy(isOvertaken);
    expect(await linesOf("build2")).toEqual(['{"n":1}', '{"n":"other"}']);
  });

  it("of two guards with one name is there, and status and the log say what is wrong", async () => {
    const labs = [await fleet.machine("build2"), await fleet.machine("build2")];
    for (const lab of labs) {
      const key = lab.key("work");
      await lab.startAgent("upstream.sock", key);
      await lab.startServer("alpha.example", key);
      lab.policy('default = "allow"\n');
      await lab.startDaemon();
      await until(async () => (await lab.muxguard("status")).stdout.includes(", connected"), "the bus");
    }
    const says = "another guard writes to it as build2, or this machine's log was begun anew";
    const login = (lab: Lab) =>
      lab.run("sh", ["-c", `ssh -F ${lab.sshConfig} alpha.example echo in; :`], {
        environment: { SSH_AUTH_SOCK: lab.agentSocket },
      });
    for (const times of [1, 2])
      for (const lab of labs) {
        expect(await login(lab)).toMatchObject({ stdout: "in\n" });
        const ids = lab.log().map(({ id }) => id);
        const isThere = async (): Promise<boolean> =>
          (await linesOf("build2")).filter((line) => ids.some((id) => line.includes(`"${id}"`))).length >=
          times;
        await until(isThere, "its entries", 30_000);
      }
    for (const lab of labs)
      await until(async () => (await lab.muxguard("status")).stdout.includes(says), "the words", 20_000);
    const { code, stderr } = await laptop.muxguard("log", "--fleet", "--machine", "build2");
    expect(stderr).toContain("build2: its log is not as it was written");
    expect(code).toBe(1);
  }, 90_000);
});
