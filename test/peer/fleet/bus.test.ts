/** A guard and its bus, a real nats-server: whether it is there or not, and a bus that is another's. */
import { chmodSync, copyFileSync, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { FleetLab } from "../../../lab/fleet/fleet-lab.ts";
import type { Lab } from "../../../lab/lab.ts";
import { ended, until } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";

/** How long a lost bus may go unnoticed, and be away after it is there again, in milliseconds. */
const NOTICED = 25_000;

interface Stated {
  fleet?: { machine: string; servers: string[]; fault?: string };
  wrong?: string[];
}

describeWith(["nats", "openssl", "ssh"], "a guard in a fleet", () => {
  const fleet = new FleetLab();
  let build: Lab;
  const status = async (lab = build): Promise<Stated> =>
    JSON.parse((await lab.muxguard("status", "--json")).stdout);
  const isConnected = async (): Promise<boolean> => (await status()).fleet?.fault === undefined;
  const isLost = async (): Promise<boolean> => !(await isConnected());

  beforeAll(async () => {
    await fleet.init(["build1", "laptop"], ["alice"]);
    build = await fleet.machine("build1");
    await build.startAgent("upstream.sock", build.key("work"));
    await build.startDaemon(); // without a bus
  });
  afterAll(() => fleet.close());

  it("starts without its bus, says so, and finds it once it is there", async () => {
    const { fleet: stated, wrong } = await status();
    expect(stated).toMatchObject({
      machine: "build1",
      servers: [fleet.serverUrl],
      fault: "connection refused",
    });
    expect(wrong).toContain("[fleet]: the bus: connection refused");
    await fleet.startServerOfFleet();
    await until(isConnected, "the bus", NOTICED);
    expect((await status()).wrong).not.toContain("[fleet]: the bus: connection refused");
    const { stdout } = await build.muxguard("status");
    expect(stdout).toContain(`fleet      this is build1, connected to ${fleet.serverUrl}`);
  });

  it("goes on when the server is killed, and finds it again", async () => {
    await fleet.killServer();
    await until(isLost, "the loss", NOTICED);
    expect(
      (await build.run("ssh-add", ["-l"], { environment: { SSH_AUTH_SOCK: build.agentSocket } })).code,
    ).toBe(0);
    await fleet.startServerOfFleet();
    await until(isConnected, "the bus", NOTICED);
  });

  it("notices a server that is there and says nothing any more", async () => {
    fleet.pauseServer(true);
    await until(isLost, "the loss", NOTICED);
    fleet.pauseServer(false);
    await until(isConnected, "the bus", NOTICED);
  });

  it("ends at once, whether such a server is connected or not", async () => {
    for (const when of ["before", "after"]) {
      const lab = await fleet.machine("build1");
      await lab.startAgent("upstream.sock");
      if (when === "before") fleet.pauseServer(true);
      const daemon = await lab.startDaemon();
      if (when === "after")
        await until(async () => (await status(lab)).fleet?.fault === undefined, "the bus");
      fleet.pauseServer(true);
      const began = performance.now();
      daemon.kill();
      await ended(daemon);
      expect(performance.now() - began).toBeLessThan(2000);
      fleet.pauseServer(false);
    }
    await until(isConnected, "the bus", NOTICED);
  });

  it.each<[string, (socket: Socket) => void]>([
    ["closes", (socket) => socket.destroy()],
    ["resets", (socket) => socket.resetAndDestroy()],
    ["says what is no greeting", (socket) => socket.write("SSH-2.0-x\r\n")],
    ["greets with what is no JSON", (socket) => socket.write("INFO {\r\n")],
    [
      "greets and resets",
      (socket) => {
        socket.write('INFO {"tls_required":true,"max_payload":1,"proto":1}\r\n');
        setTimeout(() => socket.resetAndDestroy(), 2);
      },
    ],
    [
      "greets and is silent when TLS begins",
      (socket) => socket.write('INFO {"tls_required":true,"max_payload":1,"proto":1}\r\n'),
    ],
  ])("outlives a server that %s", async (_, act) => {
    let count = 0;
    const server = createServer((socket) => {
      count++;
      socket.on("error", () => {});
      act(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const lab = await fleet.machine("build1");
    const config = lab.path("config/muxguard/config.toml");
    const text = readFileSync(config, "utf8").replace(/servers = .*/, `servers = "tls://localhost:${port}"`);
    lab.write("config/muxguard/config.toml", text);
    await lab.startAgent("upstream.sock");
    const daemon = await lab.startDaemon();
    await until(() => count >= 3, "some tries", NOTICED);
    expect((await status(lab)).fleet?.fault).toBeDefined();
    expect(daemon.exitCode).toBeNull();
    server.close();
  });

  it("says when its credentials count no longer, and needs no new start when they do again", async () => {
    let other = "";
    const [, key = ""] =
      /machine build1\n\s+\{\n\s+nkey: (\w+)/.exec(readFileSync(fleet.serverConfig, "utf8")) ?? [];
    const [, laptop = ""] =
      /machine laptop\n\s+\{\n\s+nkey: (\w+)/.exec(readFileSync(fleet.serverConfig, "utf8")) ?? [];
    fleet.reconfigure((text) => {
      other = text;
      return text.replace(/ {6}# machine build1\n[\s\S]*?(?= {6}# machine laptop)/, "");
    });
    expect(key).not.toBe(laptop);
    await until(isLost, "the refusal", NOTICED);
    await until(
      async () => /authorization/i.test((await status()).fleet?.fault ?? ""),
      "the reason",
      NOTICED,
    );
    fleet.reconfigure(() => other);
    await until(isConnected, "the bus", NOTICED);
  });

  it("shows its credentials to no other server, nor those that others may read", async () => {
    const laptop = await fleet.machine("laptop");
    await laptop.startAgent("upstream.sock");
    // another certificate than the one that it was told of
    const other = new FleetLab();
    try {
      await other.init(["x"]);
      copyFileSync(other.path("fleet/server.pem"), laptop.path("config/muxguard/fleet/ca.pem"));
    } finally {
      await other.close();
    }
    await laptop.startDaemon();
    await until(
      async () => /certificate/.test((await status(laptop)).fleet?.fault ?? ""),
      "the reason",
      NOTICED,
    );
    copyFileSync(fleet.path("fleet/server.pem"), laptop.path("config/muxguard/fleet/ca.pem"));
    const secret = laptop.path("config/muxguard/fleet/machine.nk");
    chmodSync(secret, 0o644);
    await until(
      async () => /others may read it/.test((await status(laptop)).fleet?.fault ?? ""),
      "the reason",
      NOTICED,
    );
    const { stdout } = await laptop.muxguard("doctor");
    expect(stdout).toContain("[fleet] credentials: ");
    chmodSync(secret, 0o600);
    await until(async () => (await status(laptop)).fleet?.fault === undefined, "the bus", NOTICED);
  });

  it("is set up with files that nobody else can read", () => {
    const folders = ["fleet", "fleet/machine-build1", "fleet/person-alice"].map((name) => fleet.path(name));
    const files = folders.flatMap((folder) => [
      folder,
      ...readdirSync(folder).map((name) => join(folder, name)),
    ]);
    const open = files.filter((path) => existsSync(path) && (statSync(path).mode & 0o077) !== 0);
    expect(open.filter((path) => !/\.pem$|\.pub$|jetstream/.test(path))).toEqual([]);
  });

  it("is not set up over what is there, nor joined twice", async () => {
    const again = await fleet.muxguard("fleet", "init", fleet.path("fleet"), "--machine", "x");
    expect(again).toMatchObject({ code: 64, stderr: expect.stringContaining("is there already") });
    const twice = await build.muxguard("fleet", "join", fleet.path("fleet/machine-build1"));
    expect(twice).toMatchObject({ code: 64, stderr: expect.stringContaining("has a [fleet] already") });
    for (const name of ["a.b", "*", "-x", "a b"]) {
      const odd = await fleet.muxguard("fleet", "init", fleet.path("odd"), `--machine=${name}`);
      expect(odd).toMatchObject({ code: 64, stderr: expect.stringContaining("no name for a machine") });
    }
  });

  it("weighs nothing where there is no [fleet]: none of it is in what others read", () => {
    const dist = join(import.meta.dirname, "../../../dist");
    const packs = readdirSync(dist).filter((name) => /^muxguard.*\.bundle\.js$/.test(name));
    const withBus = packs.filter((name) => readFileSync(join(dist, name), "utf8").includes("_INBOX."));
    expect(withBus).toEqual(["muxguard-4.bundle.js"]);
  });
});
