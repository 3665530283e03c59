/** The end of a machine's log in the stream: what its guard logs last is there, sealed, and nothing waits for it. */
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { FleetLab } from "../../../lab/fleet/fleet-lab.ts";
import { ended, type Lab, until } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";

/** How long an end may take, in milliseconds: one second for the bus, and what else there is. */
const SOON = 2500;

describeWith(["nats", "openssl", "ssh", "sshd"], "the end of a guard's log in a fleet", () => {
  const fleet = new FleetLab();
  let build: Lab;
  let laptop: Lab;
  const start = async (): Promise<ChildProcess> => {
    const daemon = await build.startDaemon();
    await until(async () => (await build.muxguard("status")).stdout.includes(", connected"), "the bus");
    return daemon;
  };
  const login = () =>
    build.run("sh", ["-c", `ssh -F ${build.sshConfig} alpha.example echo in; :`], {
      environment: { SSH_AUTH_SOCK: build.agentSocket },
    });
  const inFile = (): string[] =>
    readFileSync(build.path("state/muxguard/log.jsonl"), "utf8").trimEnd().split("\n");
  const inFleet = async (): Promise<{ lines: string[]; stderr: string }> => {
    const { stdout, stderr } = await laptop.muxguard("log", "--fleet", "--json", "--machine", "build1");
    const lines = stdout.trimEnd().split("\n");
    return { stderr, lines: lines.map((line) => line.replace(',"machine":"build1"}', "}")) };
  };
  const isSent = async (): Promise<boolean> => (await inFleet()).lines.length >= inFile().length;

  beforeAll(async () => {
    await fleet.init(["build1", "laptop"], ["alice"]);
    await fleet.startServerOfFleet();
    build = await fleet.machine("build1", undefined, 'approvers = ["queue"]\n');
    const key = build.key("work");
    await build.startAgent("upstream.sock", key);
    await build.startServer("alpha.example", key);
    laptop = await fleet.machine("laptop", "alice");
  });
  afterAll(() => fleet.close());

  it.each<[string, (daemon: ChildProcess) => Promise<unknown>]>([
    [
      "a signal",
      async (daemon) => {
        daemon.kill("SIGTERM");
        await ended(daemon);
      },
    ],
    ["muxguard daemon stop", () => build.muxguard("daemon", "stop")],
  ])("is there, with a seal, after %s: also what was denied by that very end", async (_, end) => {
    const daemon = await start();
    build.policy('default = "allow"\n');
    expect(await login()).toMatchObject({ stdout: "in\n" });
    // the first seal is made at once, and the next one in a minute
    await until(
      async () => (await inFleet()).stderr.includes("sealed at") && (await isSent()),
      "the first seal",
    );
    build.policy("");
    const asked = login();
    await build.pending();
    const before = inFile().length;
    await end(daemon);
    await asked;
    expect(inFile().length).toBeGreaterThan(before);
    const { lines, stderr } = await inFleet();
    expect(lines).toEqual(inFile());
    expect(stderr).toContain("each as it follows from the one before, sealed at");
    expect(stderr).not.toContain("behind the last seal");
  });

  it("is sent by the next guard where the bus is away, or silent, and the end does not wait for it", async () => {
    for (const how of ["away", "silent"]) {
      const daemon = await start();
      await until(isSent, "all of it");
      if (how === "away") {
        await fleet.killServer();
        await until(
          async () => (await build.muxguard("status")).stdout.includes("not connected"),
          "the loss",
        );
      } else fleet.pauseServer(true);
      build.policy('default = "allow"\n');
      expect(await login()).toMatchObject({ stdout: "in\n" });
      const began = performance.now();
      daemon.kill("SIGTERM");
      await ended(daemon);
      expect(performance.now() - began).toBeLessThan(how === "away" ? 1000 : SOON);
      if (how === "away") await fleet.startServerOfFleet();
      else fleet.pauseServer(false);
      const next = await start();
      await until(isSent, "all of it", 20_000);
      next.kill("SIGTERM");
      await ended(next);
      expect((await inFleet()).lines).toEqual(inFile());
    }
  });
});
