/**
 * A program of a run whose parent has ended has the run's muxguard for its parent. Who asks is that program:
 * muxguard wants nothing itself.
 */
import { copyFileSync } from "node:fs";
import { beforeAll, expect, it } from "vitest";
import { ended } from "../../../lab/lab.ts";
import { HOST } from "../../../lab/mux-lab.ts";
import { OpenLab } from "../../../lab/open-lab.ts";
import { ASKPASS } from "../../../lab/programs.ts";
import { rideProgram } from "../../../src/installation.ts";
import { opened, QUEUE } from "../opened.ts";
import { describeWith } from "../tools.ts";

describeWith(["ssh", "sshd"], "an orphan in a ride", () => {
  const lab = opened(new OpenLab(), 'default = "ask"\n', QUEUE);
  const tool = lab.path("tool");
  beforeAll(async () => {
    copyFileSync(process.execPath, tool);
  });

  const ride = `exec ${tool} ${rideProgram()} "$(dirname $(dirname $(command -v ssh)))/ride.sock" ${HOST} true`;
  const key = "Allow use of key work?\nKey fingerprint SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.";
  const askpass = `export SSH_ASKPASS_PROMPT=confirm; exec ${tool} ${ASKPASS} '${key}'`;
  const spawning = lab.script(
    "spawning.cjs",
    `require("node:child_process").spawnSync(process.argv[2], [${JSON.stringify(key)}], { stdio: "inherit", env: { ...process.env, SSH_ASKPASS_PROMPT: "confirm" } });\n`,
  );

  it.each([
    ["at the ride's socket", ride],
    ["at the askpass socket, as askpass itself", askpass],
    ["at the askpass socket, through askpass", `exec ${tool} ${spawning} ${ASKPASS}`],
  ])("is who asks %s, in the question and in the log", async (_, line) => {
    // begins once its parent is gone
    const orphan = lab.script("orphan", `#!/bin/sh\nwhile kill -0 $1 2>&-; do :; done\n${line}\n`);
    const run = lab.startRide(`sh -c '${orphan} $$ >${lab.path("said")} 2>&1 &'; read line`, {
      stdio: ["pipe", "ignore", "inherit"],
    });
    const { result, events } = await lab.logged(async () => {
      const [question] = await lab.pending();
      const { stdout } = await lab.muxguard("pending");
      await lab.muxguard("deny", question?.id ?? "");
      await lab.pending(0);
      return stdout;
    });
    expect(result).toContain(`asked by: ${tool}`);
    expect(result).not.toContain("muxguard run");
    expect(events).toMatchObject([{ decision: "deny", by: "approver:queue", caller: { exe: tool } }]);
    expect(JSON.stringify(events[0]?.caller?.cmdline)).not.toContain("muxguard run");
    run.stdin?.end("\n");
    await ended(run);
  });
});
