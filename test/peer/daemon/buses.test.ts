/** A daemon and the message buses around it: they come late, and hang. */
import { execFileSync } from "node:child_process";
import { symlinkSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { PrivateBus } from "../../../lab/desktop/bus.ts";
import { ended, Lab, until } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";

const SAVER = "org.freedesktop.ScreenSaver";
/** When a daemon has got ready for its first question, in milliseconds. */
const READY = 1500;

describeWith(["ssh", "bus"], "a daemon", () => {
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

  it("forgets what was approved when the screen locks, also if the bus came late", async () => {
    await lab.startDaemon();
    await ready();
    busComes();
    const saver = await bus.client();
    await saver.requestName(SAVER, 0);
    writeFileSync(lab.path("text"), "text");
    const sign = ["-Y", "sign", "-n", "file", "-f", `${lab.path("work")}.pub`, lab.path("text")];
    const signed = lab.run("ssh-keygen", sign, { environment: { SSH_AUTH_SOCK: lab.agentSocket } });
    const [question] = await lab.pending();
    await lab.muxguard("approve", question?.id ?? "", "--for", "10m");
    expect((await signed).code).toBe(0);
    expect((await lab.muxguard("grants")).stdout).toContain(question?.id);
    saver.sendSignal("/ScreenSaver", SAVER, "ActiveChanged", "b", [true]);
    const grants = async (): Promise<string> => (await lab.muxguard("grants")).stdout;
    await until(async () => (await grants()) === "nothing is remembered\n", "the answer to be forgotten");
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
