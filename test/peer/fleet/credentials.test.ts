/** Credentials that run out: the bus is away then, and nothing else is. */
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { FleetLab } from "../../../lab/fleet/fleet-lab.ts";
import { Operator } from "../../../lab/fleet/operator.ts";
import type { Lab } from "../../../lab/lab.ts";
import { endOf } from "../../../lab/processes.ts";
import { describeWith } from "../tools.ts";
import { Joined } from "./joined.ts";

/** Until credentials run out, in seconds: a daemon starts, and connects, meanwhile. */
const SHORTLY = 12;
const CREDENTIALS = "config/muxguard/fleet/machine.nk";

describeWith(["nats", "openssl", "ssh", "sshd"], "credentials that run out", () => {
  const fleet = new FleetLab();
  const operator = new Operator();
  let build: Joined;
  let laptop: Lab;
  let daemon: ChildProcess;
  const renew = (seconds: number): void => build.lab.write(CREDENTIALS, operator.creds(seconds));

  beforeAll(async () => {
    await fleet.init(["build1", "laptop"], ["alice"]);
    fleet.reconfigure((text) => operator.configured(text));
    await fleet.startServerOfFleet();
    laptop = await fleet.machine("laptop", "alice");
    laptop.write("config/muxguard/fleet/person.nk", operator.creds(3600));
    build = await Joined.join(fleet, "build1", 'approvers = ["fleet", "queue"]\ntimeout = "20s"\n');
    renew(SHORTLY);
    daemon = await build.start();
    await build.untilConnected();
  });
  afterAll(() => fleet.close());

  it("put the guard off the bus, which says so and what to do", async () => {
    await build.untilLost();
    await build.untilWrong(
      /the bus: .*fleet\/machine\.nk ran out at \d{4}-.*Z: put new credentials in its place/,
    );
    const { stdout } = await build.lab.muxguard("doctor");
    expect(stdout).toMatch(/\[fleet\] credentials: .*machine\.nk ran out at /);
  });

  it("allow nothing: local approvers are asked, and their answers count", async () => {
    expect(await build.loginHere()).toMatchObject({ result: { stdout: "in\n" } });
    build.lab.policy('[[rule]]\nhost = "alpha.example"\naction = "ask"\napprovals = 2\nsigners = "ops"\n');
    expect(await build.login()).toMatchObject({ stdout: "" });
    expect(build.lab.log().at(-1)).toMatchObject({ decision: "deny" });
    build.lab.policy("");
  });

  it("count again once there are new ones, without a new start, and the log has lost nothing", async () => {
    renew(3600);
    await build.untilConnected();
    await build.untilInStream(laptop);
    expect(await build.wrong()).not.toContain("[fleet]");
  });

  it("may have run out before the start: the same holds, and is mended the same way", async () => {
    await endOf(daemon);
    renew(-60);
    daemon = await build.start();
    await build.untilWrong(/fleet\/machine\.nk ran out at/);
    expect(await build.loginHere()).toMatchObject({ result: { stdout: "in\n" } });
    renew(3600);
    await build.untilConnected();
    await build.untilInStream(laptop);
    expect(readFileSync(build.lab.path(CREDENTIALS), "utf8")).toContain("JWT");
  });

  it("are not taken by another operator's server, which is said without a guess", async () => {
    build.lab.write(CREDENTIALS, new Operator().creds(3600));
    await endOf(daemon);
    daemon = await build.start();
    await build.untilWrong(/the bus: the server does not take .*machine\.nk \(authorization violation\)/i);
  });
});
