/** Port forwards, terminals and signals in a ride: `ssh -N` stays until it is told to end, and takes its forwards with it. */
import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { accepts, ended, finished, until } from "./lab.ts";
import { HOST } from "./mux-lab.ts";
import { OpenLab } from "./open-lab.ts";
import { Pty } from "./pty.ts";
import { describeWith } from "./tools.ts";

describeWith(["ssh", "sshd", "python"], "a ride's forwards", () => {
  const lab = new OpenLab();
  let target: Server | undefined;
  const local = lab.path("local.sock");
  const remote = lab.path("target.sock");
  beforeAll(async () => {
    lab.policy(`default = "allow"\n[[rule]]\nname = "not there"\nconnect = "*forbidden*"\naction = "deny"\n`);
    await lab.open();
    target = createServer((socket) => socket.on("error", () => {}).end("reached\n")).listen(remote);
  });
  afterAll(async () => {
    target?.close();
    await lab.close();
  });

  function start(line: string): ChildProcess {
    const args = [lab.program, "run", "--ride", "--", "/bin/sh", "-c", line];
    return lab.start(process.execPath, args, { detached: true, stdio: ["ignore", "pipe", "pipe"] });
  }

  function readAll(path: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let text = "";
      const socket = connect(path).setEncoding("utf8");
      socket.on("data", (more) => {
        text += more;
      });
      socket.once("error", reject).once("close", () => resolve(text));
    });
  }

  it.each(["INT", "TERM", "HUP"])("last as long as ssh -N, and SIG%s ends them", async (signal) => {
    const child = start(`ssh -N -L ${local}:${remote} ${HOST} & echo $!; wait $!; echo "ended $?"`);
    const result = finished(child);
    const pid = await new Promise<number>((resolve) => {
      child.stdout?.once("data", (text) => resolve(Number.parseInt(text, 10)));
    });
    await until(() => accepts(local), "the forward");
    expect(await readAll(local)).toBe("reached\n");
    // sh starts what is in the background with SIGINT ignored, as it does for ssh
    process.kill(pid, `SIG${signal}`);
    expect((await result).stdout).toMatch(/\nended 255\n$/);
    expect(await accepts(local)).toBe(false);
  });

  it("end with the shared connection, as ssh does where its own is lost", async () => {
    const result = finished(start(`ssh -N -L ${local}:${remote} ${HOST}; echo "ended $?"`));
    await until(() => accepts(local), "the forward");
    for (const pid of lab.masters()) process.kill(pid);
    expect(await result).toMatchObject({
      stdout: "ended 255\n",
      stderr: "muxguard: the shared connection has ended\n",
    });
  });

  it("are denied by rule, and ssh -N ends then", async () => {
    const { stdout, stderr } = await lab.ride(`ssh -N -L ${local}:/forbidden ${HOST}; echo $?`);
    expect(stdout).toBe("255\n");
    expect(stderr).toContain("muxguard: denied: forward");
    expect(existsSync(local)).toBe(false);
  });

  it("can be asked for in the background, and leave nothing that holds the streams", async () => {
    const { stdout } = await lab.ride(`ssh -f -N -L ${local}:${remote} ${HOST}; echo $?`);
    expect(stdout).toBe("0\n");
    expect(await readAll(local)).toBe("reached\n");
    await lab.muxguard("close", HOST);
    await until(() => lab.masters().length === 0, "the master's end");
  });

  it("include -W and -J over the guard's own connections", async () => {
    const { stdout } = await lab.ride(`ssh -W ${remote} ${HOST} < /dev/null`);
    expect(stdout).toBe("reached\n");
  });

  it("hold up no other session beside them", async () => {
    const line = `ssh -N -L ${local}:${remote} ${HOST} & forward=$!
      while ! test -S ${local}; do :; done
      ssh ${HOST} echo in; kill $forward; wait $forward; echo $?`;
    expect((await lab.ride(line)).stdout).toBe("in\n255\n");
  });

  it("Ctrl-C ends a session in a terminal, and the run", async () => {
    const terminal = new Pty(
      lab,
      process.execPath,
      lab.program,
      "run",
      "--ride",
      "--",
      "ssh",
      "-t",
      HOST,
      "echo in; exec sleep 1000",
    );
    await terminal.shows("in\r\n");
    terminal.type("\x03");
    expect(await terminal.end()).not.toBe(0);
  });

  it("a signal to the run ends ssh -N, and the run", async () => {
    const child = start(`exec ssh -N -L ${local}:${remote} ${HOST}`);
    await until(() => accepts(local), "the forward");
    child.kill("SIGTERM");
    await ended(child);
    expect(child.exitCode).toBe(255);
    expect(await accepts(local)).toBe(false);
  });
});
