/** More machines and persons for a fleet that is there. */
import { copyFileSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { FleetLab } from "../../../lab/fleet/fleet-lab.ts";
import { type Lab, until } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";
import { pushTo } from "./said.ts";

describeWith(["nats", "openssl", "ssh"], "a fleet", () => {
  const fleet = new FleetLab();
  let laptop: Lab;
  const isConnected = async (lab: Lab): Promise<boolean> =>
    (await lab.muxguard("status")).stdout.includes(", connected");

  beforeAll(async () => {
    await fleet.init(["laptop"], ["alice"]);
    await fleet.startServerOfFleet();
    laptop = await fleet.machine("laptop", "alice");
    await laptop.startDaemon();
  });
  afterAll(() => fleet.close());

  it("takes in a machine and a person later: the server by a signal, the others by a file", async () => {
    const words = ["--machine", "desk", "--person", `bob=${fleet.key("bob")}.pub`];
    const { code, stdout } = await fleet.muxguard("fleet", "add", fleet.path("fleet"), ...words);
    expect(code).toBe(0);
    expect(stdout).toContain(`on desk         muxguard fleet join ${fleet.path("fleet/machine-desk")}`);
    fleet.reconfigure((text) => text);
    const desk = await fleet.machine("desk", "bob");
    await desk.startAgent("agent.sock", fleet.path("bob"));
    await desk.startDaemon();
    await until(() => isConnected(desk), "the bus");
    copyFileSync(fleet.path("fleet/allowed_signers"), laptop.path("config/muxguard/fleet/allowed_signers"));
    await pushTo([laptop, desk], desk, 'default = "deny"\n');
    expect(await isConnected(laptop)).toBe(true);
  });

  it("has each name once, and knows a folder of another kind", async () => {
    const before = readFileSync(fleet.serverConfig, "utf8");
    const add = (...words: string[]) => fleet.muxguard("fleet", "add", ...words);
    const taken = await add(fleet.path("fleet"), "--machine", "alice");
    expect(taken).toMatchObject({ code: 64, stderr: expect.stringContaining("this name already: alice") });
    const other = await add(laptop.folder, "--machine", "x");
    expect(other).toMatchObject({ code: 64, stderr: expect.stringContaining("no nats-server.conf that") });
    expect(readFileSync(fleet.serverConfig, "utf8")).toBe(before);
  });
});
