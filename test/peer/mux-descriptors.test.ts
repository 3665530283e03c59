/** The daemon keeps no descriptor of the sessions that it has passed on, denied, or lost half way. */
import { readdirSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ended, until } from "./lab.ts";
import { HOST, MuxLab } from "./mux-lab.ts";
import { describeWith } from "./tools.ts";

const SESSIONS = 1000;
const AT_ONCE = 20;

describeWith(["ssh", "sshd"], "the daemon's descriptors", () => {
  const lab = new MuxLab();
  beforeAll(async () => {
    lab.settings('approvers = ["queue"]\n');
    lab.policy(
      'default = "allow"\n[[rule]]\ncommand = "reboot"\naction = "deny"\n' +
        '[[rule]]\ncommand = "uptime"\naction = "ask"\nremember = "never"\n',
    );
    await lab.open();
    await lab.startMaster();
  });
  afterAll(() => lab.close());

  const count = (): number => readdirSync(`/proc/${lab.daemon?.pid}/fd`).length;

  const killed = async (command: string): Promise<void> => {
    const child = lab.start("ssh", ["-F", lab.sshConfig, HOST, command], { detached: true });
    if (command === "uptime") child.stdout?.resume();
    else await new Promise((resolve) => child.stdout?.once("data", resolve));
    child.kill("SIGKILL");
    await ended(child);
  };

  /** Every other session is denied; some are killed: as they run, and as they connect or wait for an answer. */
  const session = async (at: number): Promise<void> => {
    if (at % 2 === 1) expect(await lab.ssh(HOST, "reboot")).toMatchObject({ code: 255, stdout: "" });
    else if (at % 20 === 0) await killed("echo ready; cat");
    else if (at % 20 === 10) await killed("uptime");
    else expect(await lab.ssh(HOST, `echo ${at}`)).toMatchObject({ code: 0, stdout: `${at}\n` });
  };

  const sessions = async (number: number): Promise<void> => {
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < number) await session(next++);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    await lab.pending(0);
  };

  it(`are as many after ${SESSIONS} sessions as before, half of which were denied and some killed`, async () => {
    await sessions(100);
    // pidfds of callers are kept for a while
    let before = count();
    await until(() => {
      const steady = count() === before;
      before = count();
      return steady;
    }, "a steady number");
    await sessions(SESSIONS);
    await until(() => count() <= before, `${before} descriptors, of ${count()}`, 30_000);
    expect(await lab.ssh(HOST, "echo in")).toMatchObject({ code: 0, stdout: "in\n" });
  }, 180_000);
});
