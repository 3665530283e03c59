/** A daemon that has no descriptor left to look at who asks, and a real client: what the log is told. */
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Lab, until } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";

/** More numbers than are free between those that the daemon has. */
const IDLE = 60;

describeWith(["ssh"], "a daemon that has one descriptor left", () => {
  let lab: Lab;
  let pid: number | undefined;
  beforeAll(async () => {
    lab = new Lab();
    lab.policy('default = "allow"\n');
    await lab.startAgent("upstream.sock", lab.key("work"));
    ({ pid } = await lab.startDaemon());
  });
  afterAll(() => lab.close());

  const descriptors = (): number[] => readdirSync(`/proc/${pid}/fd`).map(Number);

  function lowestFree(): number {
    const used = new Set(descriptors());
    for (let number = 0; ; number++) if (!used.has(number)) return number;
  }

  /** ssh-add signs at once, and asks for no list before. */
  const sign = () =>
    lab.run("ssh-add", ["-T", lab.path("work.pub")], { environment: { SSH_AUTH_SOCK: lab.agentSocket } });

  const limit = (most: number): Buffer => execFileSync("prlimit", ["--pid", `${pid}`, `--nofile=${most}:`]);

  it("denies a signature for that, and not as if the process that asks had ended; later it signs", async () => {
    const before = descriptors().length;
    const idle = Array.from({ length: IDLE }, () => connect(lab.agentSocket).on("error", () => {}));
    await until(() => descriptors().length >= before + IDLE, "clients that ask for nothing");
    // what it keeps of processes, and the log, have higher numbers than all of these
    expect((await sign()).code).toBe(0);
    const lowest = lowestFree();
    idle[0]?.destroy();
    await until(() => lowestFree() < lowest, "one that is free");
    limit(lowestFree() + 1);
    expect((await sign()).code).not.toBe(0);
    expect(lab.log().at(-1)).toMatchObject({
      kind: "sign",
      decision: "deny",
      reason: expect.stringMatching(/^no file descriptor or memory is left to look at the process that asks/),
    });
    limit(1024);
    expect((await sign()).code).toBe(0);
    for (const one of idle) one.destroy();
  });
});
