/** Socket activation: whoever starts the daemon listens first, as systemd does for muxguard.socket. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";
import { afterEach, beforeAll, expect, it } from "vitest";
import { accepts, ended, freePort, Lab, MUXGUARD, stderrOf, until } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";

const HOST = "box.example";
const DAEMON = [process.execPath, MUXGUARD, "daemon", "--foreground"];

/** Over TCP. */
async function reached(address: string): Promise<void> {
  const [host, port] = address.split(":");
  const socket = connect(Number(port), host).on("error", () => {}); // it is closed by whoever refuses
  await once(socket, "connect");
  socket.destroy();
}

describeWith(["ssh", "sshd", "systemd"], "sockets that are handed over", () => {
  const lab = new Lab();
  let launcher: ChildProcess;

  beforeAll(async () => {
    const key = lab.key("work");
    await lab.startAgent("upstream.sock", key);
    await lab.startServer(HOST, key);
    lab.policy('default = "allow"\n');
    mkdirSync(dirname(lab.agentSocket), { mode: 0o700 });
    return () => lab.close();
  });
  afterEach(async () => {
    launcher.kill("SIGTERM");
    await ended(launcher);
    for (const path of [lab.agentSocket, lab.daemonSocket, lab.path("other.sock")])
      rmSync(path, { force: true });
  });

  /** It listens, and becomes the daemon when somebody connects. */
  async function activate(...addresses: string[]): Promise<() => string> {
    const passed = [
      "XDG_RUNTIME_DIR",
      "XDG_CONFIG_HOME",
      "XDG_STATE_HOME",
      "SSH_AUTH_SOCK",
      "DBUS_SYSTEM_BUS_ADDRESS",
    ];
    const words = [...passed.map((name) => `-E${name}`), ...addresses.map((address) => `-l${address}`)];
    launcher = lab.start("systemd-socket-activate", [...words, ...DAEMON], { detached: true });
    const stderr = stderrOf(launcher);
    await until(
      () => addresses.every((address) => stderr().includes(`Listening on ${address}`)),
      "the sockets",
    );
    return stderr;
  }

  /** A login by the sockets, which starts the daemon where none runs. */
  const login = () =>
    lab.run("ssh", ["-F", lab.sshConfig, HOST, "echo in"], {
      environment: { SSH_AUTH_SOCK: lab.agentSocket },
    });
  const inode = () => statSync(lab.agentSocket).ino;

  it("start the daemon with the first login, which it decides", async () => {
    await activate(lab.agentSocket, lab.daemonSocket);
    expect(lab.log()).toEqual([]);
    expect(await login()).toMatchObject({ code: 0, stdout: "in\n" });
    expect(lab.log().at(-1)).toMatchObject({ kind: "sign", host: HOST, verified: true, decision: "allow" });
    expect((await lab.muxguard("status")).stdout).toContain(`pid ${launcher.pid}\n`);
    lab.policy('default = "deny"\n');
    expect((await login()).code).toBe(255);
    lab.policy('default = "allow"\n');
  });

  it("are still there when the daemon has started anew, and when it has ended", async () => {
    await activate(lab.agentSocket, lab.daemonSocket);
    const before = inode();
    await login();
    expect((await lab.muxguard("daemon", "restart")).stdout).toBe(`started anew (pid ${launcher.pid})\n`);
    expect(await login()).toMatchObject({ code: 0, stdout: "in\n" });
    expect(inode()).toBe(before);
    const { stdout } = await lab.muxguard("daemon", "stop");
    expect(stdout).toContain("systemctl --user stop muxguard.socket");
    await ended(launcher);
    expect(inode()).toBe(before);
    expect(existsSync(lab.daemonSocket)).toBe(true);
  });

  it("may be the agent's alone", async () => {
    await activate(lab.agentSocket);
    expect(await login()).toMatchObject({ code: 0, stdout: "in\n" });
    expect((await lab.muxguard("status")).code).toBe(0);
  });

  it("are not told to what the guard starts", async () => {
    lab.config(
      'approvers = ["command"]\ncommand = ["/bin/sh", "-c", "env >env.txt; ls -l /proc/self/fd >>env.txt; exit 1"]\n',
    );
    lab.policy('default = "ask"\n');
    await activate(lab.agentSocket, lab.daemonSocket);
    await login();
    lab.config("");
    lab.policy('default = "allow"\n');
    const seen = readFileSync(lab.path("env.txt"), "utf8");
    expect(seen).toContain("PATH=");
    expect(seen).not.toMatch(/LISTEN_/);
    expect(seen).not.toMatch(/ [3-9] -> socket:/);
  });

  it("are refused where they are no Unix sockets, or listen elsewhere", async () => {
    const tcp = `127.0.0.1:${await freePort()}`;
    const refused: [string, () => Promise<unknown>, string][] = [
      [tcp, () => reached(tcp), "descriptor 3 of LISTEN_FDS is no listening Unix socket"],
      [
        lab.path("other.sock"),
        () => accepts(lab.path("other.sock")),
        `listens at ${lab.path("other.sock")}; muxguard takes`,
      ],
    ];
    for (const [address, reach, reason] of refused) {
      const stderr = await activate(address);
      await reach();
      await ended(launcher);
      expect(stderr()).toContain(reason);
      expect(launcher.exitCode).toBe(1);
      expect(existsSync(lab.daemonSocket)).toBe(false);
    }
  });

  it("are refused where another socket is in their place by now", async () => {
    const stderr = await activate(lab.agentSocket, lab.daemonSocket);
    renameSync(lab.agentSocket, lab.path("other.sock"));
    await accepts(lab.daemonSocket);
    await ended(launcher);
    expect(stderr()).toContain(`${lab.agentSocket} is not the socket that was handed over`);
  });

  it.each([
    ["a file", "exec 3</dev/null", "1", "descriptor 3 of LISTEN_FDS is no listening Unix socket"],
    ["nothing", "exec 3<&-", "1", "descriptor 3 of LISTEN_FDS is no listening Unix socket"],
    ["a pipe", "exec 3< <(sleep 5)", "1", "descriptor 3 of LISTEN_FDS is no listening Unix socket"],
    ["too many", "true", "999", "LISTEN_FDS=999: not a number up to 16"],
    ["no number", "true", "1e1", "LISTEN_FDS=1e1: not a number up to 16"],
  ])("are not %s", async (_, open, count, reason) => {
    const command = DAEMON.map((word) => `'${word}'`).join(" ");
    const script = `${open}; LISTEN_PID=$$ LISTEN_FDS=${count} exec ${command}`;
    launcher = lab.start("/bin/bash", ["-c", script], { detached: true });
    const stderr = stderrOf(launcher);
    await ended(launcher);
    expect(stderr()).toContain(reason);
  });

  it("are another process's where LISTEN_PID says so", async () => {
    const environment = { ...lab.environment, LISTEN_FDS: "1", LISTEN_PID: "1" };
    launcher = lab.start(process.execPath, DAEMON.slice(1), { env: environment, detached: true });
    await until(() => accepts(lab.agentSocket), "the daemon");
    expect(await login()).toMatchObject({ code: 0, stdout: "in\n" });
  });
});
