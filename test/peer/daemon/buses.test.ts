/** A daemon and the message buses around it: they come late, and hang. */
import { execFileSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { PrivateBus } from "../../../lab/desktop/bus.ts";
import { ended, Lab, until } from "../../../lab/lab.ts";
import { Shell } from "../../../lab/terminal/shell.ts";
import { describeWith } from "../tools.ts";

const SAVER = "org.freedesktop.ScreenSaver";
/** When a daemon has got ready for its first question, in milliseconds. */
const READY = 1500;

describeWith(["ssh", "bus", "python"], "a daemon", () => {
  let lab: Lab;
  let bus: PrivateBus;
  beforeEach(async () => {
    lab = new Lab();
    bus = await PrivateBus.start(lab.folder);
    lab.environment.DBUS_SESSION_BUS_ADDRESS = `unix:path=${lab.path("session")}`;
    lab.config('approvers = ["notification", "queue"]\n');
    await lab.startAgent("upstream.sock", lab.key("work"));
  });
  afterEach(async () => {
    await bus.close();
    await lab.close();
  });

  const busComes = (): void => symlinkSync(bus.socket, lab.path("session"));
  const clients = async (): Promise<number> => {
    const client = await bus.client();
    return (await client.listNames()).filter((name) => name.startsWith(":")).length;
  };

  async function ready(): Promise<void> {
    const started = performance.now();
    await until(() => performance.now() - started > READY, "the daemon to be ready");
  }

  it("connects to the session's bus before its first question", async () => {
    busComes();
    await lab.startDaemon();
    let others = await clients();
    // one connection shows questions, the other one hears of the screen
    await until(async () => (await clients()) - ++others === 2, "two connections");
  });

  const grants = async (): Promise<string> => (await lab.muxguard("grants")).stdout;
  const sign = (): string =>
    `SSH_AUTH_SOCK=${lab.agentSocket} ssh-keygen -q -Y sign -n file -f ${lab.path("work")}.pub < ${lab.sshConfig} > /dev/null`;

  /** A screen saver, and a signature that is approved while the terminal is open. */
  async function approved() {
    const saver = await bus.client();
    await saver.requestName(SAVER, 0);
    const here = new Shell(lab);
    const signed = here.run(sign());
    const [question] = await lab.pending();
    const id = question?.id ?? "";
    expect(await lab.muxguard("approve", id, "--lasting")).toMatchObject({ code: 0 });
    expect(await signed).toBe(0);
    expect(await grants()).toMatch(new RegExp(`^${id} .*, while its terminal is open\\n$`));
    const isLocked = (state: boolean) =>
      saver.sendSignal("/ScreenSaver", SAVER, "ActiveChanged", "b", [state]);
    return { id, here, isLocked };
  }

  /** It is asked, and nobody is there. */
  async function isDenied(here: Shell): Promise<void> {
    lab.policy('[[rule]]\naction = "ask"\ntimeout = "1s"\n');
    const { result, events } = await lab.logged(() => here.run(sign()));
    expect(result).not.toBe(0);
    expect(events).toMatchObject([{ kind: "sign", decision: "deny", by: "fault:timeout" }]);
    lab.policy("");
  }

  it("counts no approval while the screen is locked, and counts it again, also if the bus came late", async () => {
    await lab.startDaemon();
    await ready();
    busComes();
    const { id, here, isLocked } = await approved();
    isLocked(true);
    await until(
      async () =>
        (await grants()).endsWith(", while its terminal is open (suspended until the screen is unlocked)\n"),
      "the answer to be suspended",
    );
    await isDenied(here);
    isLocked(false);
    await until(async () => !(await grants()).includes("suspended"), "the answer to count again");
    const { result, events } = await lab.logged(() => here.run(sign()));
    expect(result).toBe(0);
    expect(events).toMatchObject([{ kind: "sign", decision: "allow", by: `grant:${id}` }]);
  });

  const isForgotten = () =>
    until(async () => (await grants()) === "nothing is remembered\n", "the answer to be forgotten");

  it("forgets what was approved when the screen locks, if it is to", async () => {
    lab.config('approvers = ["queue"]\non_lock = "forget"\n');
    busComes();
    await lab.startDaemon();
    const { here, isLocked } = await approved();
    isLocked(true);
    await isForgotten();
    isLocked(false);
    await isDenied(here);
  });

  it("forgets what was approved when the bus is lost, on which the screen's lock would be told", async () => {
    busComes();
    await lab.startDaemon();
    const { here, isLocked } = await approved();
    isLocked(true);
    await until(async () => (await grants()).includes("suspended"), "the answer to be suspended");
    bus.daemon.kill("SIGKILL");
    await isForgotten();
    await isDenied(here);
  });

  it("ends where a bus hangs", async () => {
    busComes();
    const daemon = await lab.startDaemon();
    await ready();
    const stop = (signal: string): unknown => execFileSync("kill", [`-${signal}`, `${bus.daemon.pid}`]);
    stop("STOP");
    try {
      daemon.kill("SIGTERM");
      await ended(daemon);
      expect(daemon.exitCode).toBe(0);
    } finally {
      stop("CONT");
    }
  });
});
