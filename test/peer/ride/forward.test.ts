/**
 * Port forwards, terminals and signals in a ride: `ssh -N` stays until it is told to end, and takes its
 * forwards with it.
 */
import type { ChildProcess } from "node:child_process";
import { connect, createServer, type Server } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ended, finished, freePort, until } from "../../../lab/lab.ts";
import { HOST } from "../../../lab/mux-lab.ts";
import { OpenLab } from "../../../lab/open-lab.ts";
import { Pty } from "../../../lab/terminal/pty.ts";
import { describeWith } from "../tools.ts";

describeWith(["ssh", "sshd", "python"], "a ride's forwards", () => {
  const lab = new OpenLab();
  let target: Server | undefined;
  let [local, remote, forward] = [0, 0, ""];
  beforeAll(async () => {
    lab.policy(`default = "allow"\n[[rule]]\nname = "not there"\nconnect = "forbidden:*"\naction = "deny"\n`);
    await lab.open();
    [local, remote] = [await freePort(), await freePort()];
    forward = `-L ${local}:127.0.0.1:${remote}`;
    target = createServer((socket) => socket.on("error", () => {}).end("reached\n")).listen(
      remote,
      "127.0.0.1",
    );
  });
  afterAll(async () => {
    target?.close();
    await lab.close();
  });

  function start(line: string): ChildProcess {
    return lab.startRide(line, { detached: true, stdio: ["ignore", "pipe", "pipe"] });
  }

  const isOpen = (): Promise<boolean> => read().then(Boolean, () => false);

  /** What comes through the forward. */
  function read(): Promise<string> {
    return new Promise((resolve, reject) => {
      let text = "";
      const socket = connect(local, "127.0.0.1").setEncoding("utf8");
      socket.on("data", (more) => {
        text += more;
      });
      socket.once("error", reject).once("close", () => resolve(text));
    });
  }

  it.each(["INT", "TERM", "HUP"])("last as long as ssh -N, and SIG%s ends them", async (signal) => {
    const child = start(`ssh -N ${forward} ${HOST} & echo $!; wait $!; echo "ended $?"`);
    const result = finished(child);
    const pid = await new Promise<number>((resolve) => {
      child.stdout?.once("data", (text) => resolve(Number.parseInt(text, 10)));
    });
    await until(() => isOpen(), "the forward");
    expect(await read()).toBe("reached\n");
    // sh starts what is in the background with SIGINT ignored, as it does for ssh
    process.kill(pid, `SIG${signal}`);
    expect((await result).stdout).toMatch(/\nended 255\n$/);
    expect(await isOpen()).toBe(false);
  });

  it("end with the shared connection, as ssh does where its own is lost", async () => {
    const result = finished(start(`ssh -N ${forward} ${HOST}; echo "ended $?"`));
    await until(() => isOpen(), "the forward");
    for (const pid of lab.masters()) process.kill(pid);
    expect(await result).toMatchObject({
      stdout: "ended 255\n",
      stderr: "muxguard: the shared connection has ended\n",
    });
  });

  it("are denied by rule, and ssh -N ends then", async () => {
    const { stdout, stderr } = await lab.ride(`ssh -N -L ${local}:forbidden:80 ${HOST}; echo $?`);
    expect(stdout).toBe("255\n");
    expect(stderr).toContain("muxguard: denied: forward");
    expect(await isOpen()).toBe(false);
  });

  it("can be asked for in the background, and leave nothing that holds the streams", async () => {
    const { stdout } = await lab.ride(`ssh -f -N ${forward} ${HOST}; echo $?`);
    expect(stdout).toBe("0\n");
    expect(await read()).toBe("reached\n");
    await lab.muxguard("close", HOST);
    await until(() => lab.masters().length === 0, "the master's end");
  });

  it("include -W over the guard's own connections", async () => {
    const { stdout } = await lab.ride(`ssh -W 127.0.0.1:${remote} ${HOST} < /dev/null`);
    expect(stdout).toBe("reached\n");
  });

  it("Ctrl-C ends a session in a terminal, and the run", async () => {
    const terminal = new Pty(
      lab,
      process.execPath,
      lab.program,
      "run",
      "--ride",
      "--no-confine",
      "--",
      "ssh",

      HOST,
      "echo in; cat", // ends with its stdin: the shared connection holds the terminal until then
    );
    await terminal.shows("in\r\n");
    terminal.type("\x03");
    expect(await terminal.end()).not.toBe(0);
  });

  it("a signal to the run ends ssh -N, and the run", async () => {
    const child = start(`exec ssh -N ${forward} ${HOST}`);
    await until(() => isOpen(), "the forward");
    child.kill("SIGTERM");
    await ended(child);
    expect(child.exitCode).toBe(255);
    expect(await isOpen()).toBe(false);
  });
});
