/** A server that takes connections, greets, and is silent when TLS begins: what a person runs ends all the same. */
import { existsSync, readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { FleetLab } from "../../../lab/fleet/fleet-lab.ts";
import { type Lab, MUXGUARD, until } from "../../../lab/lab.ts";
import { Terminal } from "../../../lab/terminal/terminal.ts";
import { Bus } from "../../../src/fleet/bus/bus.ts";
import { describeWith } from "../tools.ts";

/** At once, on a machine that does other things as well, in milliseconds. */
const AT_ONCE = 3000;
/** How long a command waits for the bus, and may take besides, in milliseconds. */
const PATIENCE = 15_000;

describeWith(["nats", "openssl", "ssh", "tmux"], "with a server that is silent when TLS begins", () => {
  const fleet = new FleetLab();
  const open = new Set<Socket>();
  let count = 0;
  const server = createServer((socket) => {
    count++;
    open.add(socket);
    socket.on("close", () => open.delete(socket)).on("error", () => {});
    socket.resume().write('INFO {"tls_required":true,"max_payload":1,"proto":1}\r\n');
  });
  let laptop: Lab;
  let terminal: Terminal;
  let silent = "";

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    silent = `tls://localhost:${(server.address() as AddressInfo).port}`;
    await fleet.init(["laptop"], ["alice"]);
    laptop = await fleet.machine("laptop", "alice");
    await laptop.startAgent("alice.sock", fleet.path("alice"));
    laptop.script("muxguard", `#!/bin/sh\nexec '${process.execPath}' '${MUXGUARD}' "$@"\n`);
    leadTo(silent);
  });
  beforeEach(() => {
    count = 0;
    const env = { ...laptop.environment, PATH: `${laptop.folder}:${process.env.PATH}` };
    terminal = new Terminal(env, laptop.folder);
  });
  afterEach(() => terminal.close());
  afterAll(async () => {
    for (const socket of open) socket.destroy();
    server.close();
    await fleet.close();
  });

  function leadTo(url: string): void {
    const config = "config/muxguard/config.toml";
    const text = readFileSync(laptop.path(config), "utf8");
    laptop.write(config, text.replace(/servers = .*/, `servers = "${url}"`));
  }

  /** @param end what ends it, by its pid. @returns how long that takes, in milliseconds */
  async function watching(begun: () => Promise<unknown>, end: (pid: number) => void): Promise<number> {
    const pid = laptop.path("pid");
    terminal.enter(`clear; sh -c 'echo $$ > ${pid}; exec muxguard watch --fleet'; echo "it is" over`);
    await terminal.shows("nothing waits for an answer");
    await begun();
    await until(() => existsSync(pid), "the pid");
    const began = performance.now();
    end(Number(readFileSync(pid, "utf8")));
    await terminal.shows("it is over");
    return performance.now() - began;
  }

  it.each<[string, (pid: number) => void]>([
    ["q", () => terminal.press("q")],
    ["SIGTERM", (pid) => process.kill(pid, "SIGTERM")],
  ])("muxguard watch --fleet ends at once with %s", async (_, end) => {
    // the first one is a look whether it greets
    const begun = (): Promise<unknown> => until(() => count >= 2 && open.size > 0, "the beginning of TLS");
    expect(await watching(begun, end)).toBeLessThan(AT_ONCE);
    await until(() => open.size === 0, "the end of the connections");
  });

  it("muxguard fleet policy push, revoke and log --fleet end within their patience, and say why", async () => {
    laptop.write("policy.toml", 'default = "ask"\n');
    const began = performance.now();
    const done = await Promise.all([
      laptop.muxguard("fleet", "policy", "push", laptop.path("policy.toml")),
      laptop.muxguard("fleet", "revoke", "alpha.example"),
      laptop.muxguard("log", "--fleet"),
    ]);
    expect(performance.now() - began).toBeLessThan(PATIENCE);
    const said = { code: 1, stderr: expect.stringMatching(/^muxguard: the bus: timeout/) };
    for (const one of done) expect(one).toMatchObject(said);
  }, 40_000);

  it("keeps no descriptor for a connection that did not come about", async () => {
    const bus = new Bus({ servers: [silent], tls: {}, name: "m-x", credentials: undefined });
    bus.start();
    await until(() => count >= 6, "three tries", 30_000);
    expect(open.size).toBeLessThanOrEqual(2); // the look, and the one that it leads to
    await bus.close();
    await until(() => open.size === 0, "the end of the connections");
  }, 40_000);

  it("muxguard watch --fleet ends at once with q where it went silent later", async () => {
    await fleet.startServerOfFleet();
    leadTo(fleet.serverUrl);
    const begun = async (): Promise<void> => {
      await until(() => !terminal.screen().includes("[fleet]: the bus"), "the bus", 20_000);
      fleet.pauseServer(true);
    };
    expect(await watching(begun, () => terminal.press("q"))).toBeLessThan(AT_ONCE);
    fleet.pauseServer(false);
  });
});
