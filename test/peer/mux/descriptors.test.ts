/** The daemon keeps no descriptor of the sessions that it has passed on, denied, or lost half way. */
import { execFileSync } from "node:child_process";
import { readdirSync, readlinkSync } from "node:fs";
import { connect } from "node:net";
import { userInfo } from "node:os";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { ended, until } from "../../../lab/lab.ts";
import { HOST, MuxLab } from "../../../lab/mux-lab.ts";
import { describeWith } from "../tools.ts";

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

  /**
   * Not counting the processes that the daemon has in mind, 128 at most with two descriptors each. Root alone can
   * see them: nobody else may look into the daemon.
   */
  const count = (): number => {
    if (userInfo().uid !== 0) return 0;
    const folder = `/proc/${lab.daemon?.pid}/fd`;
    return readdirSync(folder).filter((fd) => !/\/(stat|environ)$/.test(linkOf(`${folder}/${fd}`))).length;
  };

  const killed = async (command: string): Promise<void> => {
    const child = lab.start("ssh", ["-F", lab.sshConfig, HOST, command], { detached: true });
    if (command === "uptime") child.stdout?.resume();
    else await new Promise((resolve) => child.stdout?.once("data", resolve));
    child.kill("SIGKILL");
    await ended(child);
  };

  /**
   * Every other session is denied; some are killed: as they run, and as they connect or wait for an answer.
   */
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
    // one that stays with each denied session would be too many
    execFileSync("prlimit", ["--pid", `${lab.daemon?.pid}`, `--nofile=${SESSIONS / 2}`]);
    await sessions(100);
    const before = count();
    await sessions(SESSIONS);
    await until(
      () => count() <= before,
      () => `${before} descriptors, of ${count()}`,
    );
    expect(lab.told).not.toMatch(/fault|EMFILE/);
    expect(await lab.ssh(HOST, "echo in")).toMatchObject({ code: 0, stdout: "in\n" });
  }, 180_000);

  it("that are all in use send away at once who comes to a control socket, until some are free, and say why", async () => {
    const before = lab.log().length;
    const [most, clients] = [200, 400];
    execFileSync("prlimit", ["--pid", `${lab.daemon?.pid}`, `--nofile=${most}`]);
    const connections = Array.from({ length: clients }, () =>
      connect(lab.controlPath())
        .on("error", () => {})
        .resume(),
    );
    onTestFinished(() => connections.forEach((one) => void one.destroy()));
    const left = (): number => connections.filter(({ closed }) => !closed).length;
    await until(
      () => left() < most,
      () => `${left()} connections, of ${clients}`,
    );
    expect(left()).toBeGreaterThan(0);
    const refused = { operation: "use-socket", by: "fault:descriptors" };
    const reason = expect.stringMatching(/^no file descriptor is left for one more client: 200 are the most/);
    const told = lab.log().slice(before);
    expect(told).toEqual(Array(5).fill(expect.objectContaining({ ...refused, reason })));
    for (const one of connections) one.destroy();
    // the daemon has yet to hear of it
    await until(async () => (await lab.ssh(HOST, "echo in")).stdout === "in\n", "room for one more");
    expect(lab.told).not.toMatch(/fault/);
  });
});

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ""; // closed by now
  }
}
