/** A machine leaves one fleet and joins another, under a daemon that does not know of it yet. */
import { afterAll, expect, it } from "vitest";
import { FleetLab } from "../../../lab/fleet/fleet-lab.ts";
import { ended, until } from "../../../lab/lab.ts";
import { AuditLog } from "../../../src/audit/log.ts";
import { openRegular } from "../../../src/platform/files/regular-file.ts";
import { describeWith } from "../tools.ts";
import { Joined } from "./joined.ts";

describeWith(["nats", "openssl", "ssh", "sshd"], "a machine that moves from fleet to fleet", () => {
  const fleets = [new FleetLab(), new FleetLab()] as const;
  afterAll(async () => {
    for (const fleet of fleets) await fleet.close();
  });

  it("tells the second one nothing of what was logged before", async () => {
    const [first, second] = fleets;
    for (const fleet of fleets) {
      await fleet.init(["laptop", "build1"], ["alice"]);
      await fleet.startServerOfFleet();
    }
    const [there, then] = [await first.machine("laptop", "alice"), await second.machine("laptop", "alice")];
    const joined = await Joined.join(first, "build1");
    const { lab } = joined;
    const daemon = await joined.start();
    await joined.untilConnected();
    joined.write(1);
    await joined.untilInStream(there);
    // what it can't tell the first one any more
    await first.killServer();
    const log = new AuditLog(lab.logFile, openRegular);
    const entry = {
      kind: "session",
      decision: "allow",
      by: "default",
      command: "told the first alone",
    } as const;
    log.append({ time: new Date().toISOString(), id: "before000001", ...entry });
    log.close();
    expect(await lab.muxguard("fleet", "leave")).toMatchObject({ code: 0 });
    await second.machine("build1", undefined, "", lab);
    daemon.kill(); // it writes down how far the first one is
    await ended(daemon);
    await joined.start();
    await joined.untilConnected();
    joined.write(1);
    const [, id = ""] = /"id":"(\w+)"/.exec(joined.lines.at(-1) ?? "") ?? [];
    let seen = "";
    const isThere = async (): Promise<boolean> => {
      seen = (await then.muxguard("log", "--fleet", "--json", "--machine", "build1")).stdout;
      return seen.includes(id);
    };
    await until(isThere, "the entry in the second", 40_000, 250);
    expect(seen).not.toContain("before000001");
  });
});
