/**
 * Masters that go to the background late: with ExitOnForwardFailure, ssh listens at its control path, waits
 * for the server's word on each remote forward, and forks only then.
 */
import { chmodSync, existsSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { HOST, MuxLab } from "../../../lab/mux-lab.ts";
import { finished, until } from "../../../lab/processes.ts";
import { originOf, runAround } from "../../../src/masters/origin.ts";
import { ProcessTable } from "../../../src/platform/proc/process.ts";
import { ProcessGone } from "../../../src/platform/proc/table/open-stat.ts";
import { Scopes } from "../../../src/runs/scopes.ts";
import { opened } from "../opened.ts";
import { describeWith, PYTHON } from "../tools.ts";

/** Gives what it reads, and each piece late. */
const DELAY = "import os, time\nwhile b := os.read(0, 65536):\n    time.sleep(0.05)\n    os.write(1, b)\n";

describeWith(["ssh", "sshd", "python"], "a master that forks once the server has answered", () => {
  const lab = opened(new MuxLab());
  let far: string[] = [];
  beforeAll(async () => {
    const [, port] = new RegExp(`^Host ${HOST}\\n(?:  .*\\n)*?  Port (\\d+)`, "m").exec(
      readFileSync(lab.sshConfig, "utf8"),
    ) ?? ["", ""];
    writeFileSync(lab.path("delay"), DELAY);
    const proxy = `#!/bin/bash\nexec 2>/dev/null 3<>/dev/tcp/127.0.0.1/${port}\n${PYTHON} ${lab.path("delay")} <&3 &\ntrap "kill $!" EXIT\ncat >&3\n`;
    writeFileSync(lab.path("far"), proxy);
    chmodSync(lab.path("far"), 0o700);
    const forward = `${lab.path("forward")}:127.0.0.1:9`;
    far = [
      "-o",
      `ProxyCommand=${lab.path("far")}`,
      "-o",
      "ExitOnForwardFailure=yes",
      "-o",
      "StreamLocalBindUnlink=yes",
      "-R",
      forward,
    ];
  });
  afterEach(async () => {
    await lab.endMasters();
    rmSync(lab.path("forward"), { force: true });
  });

  const isListed = async (pid: number): Promise<boolean> =>
    (await lab.muxguard("status")).stdout.includes(`${lab.controlPath()} (adopted, pid ${pid})`);

  it("stays guarded: its control path answers with the child's pid, and the daemon knows it", async () => {
    expect(await lab.ssh("-M", "-f", "-N", ...far, HOST)).toMatchObject({ code: 0 });
    await until(() => lab.isAdopted(), "the adoption");
    let pid = 0;
    await until(async () => {
      pid = await lab.masterPid();
      return pid > 0 && isSsh(pid) && (await isListed(pid));
    }, "the child in the list");
    const { result, events } = await lab.logged(() => lab.ssh(HOST, "echo in"));
    expect(result).toMatchObject({ code: 0, stdout: "in\n" });
    expect(events).toMatchObject([{ kind: "session", decision: "allow" }]);
    expect(await lab.ssh("-O", "exit", HOST)).toMatchObject({ code: 0 });
    await until(() => !existsSync(`/proc/${pid}`) && !existsSync(lab.controlPath()), "the master's end");
  });

  it("is known again to the next daemon", async () => {
    expect(await lab.ssh("-M", "-f", "-N", ...far, HOST)).toMatchObject({ code: 0 });
    await until(async () => lab.isAdopted() && isSsh(await lab.masterPid()), "the adoption");
    const pid = await lab.masterPid();
    await until(() => isListed(pid), "the child in the list");
    await lab.endGuard("SIGKILL");
    await lab.guard();
    await until(() => isListed(pid), "the second adoption");
    expect(await lab.ssh(HOST, "echo in")).toMatchObject({ code: 0, stdout: "in\n" });
  });

  it("is followed at once where its first process stays as a client: ControlPersist", async () => {
    const args = [
      "-F",
      lab.sshConfig,
      "-o",
      "ControlPersist=60",
      ...far,
      HOST,
      "echo ready; read line; exit 3",
    ];
    const child = lab.start("ssh", args, { detached: true, stdio: ["pipe", "pipe", "pipe"] });
    const result = finished(child);
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    const pid = await lab.masterPid();
    expect(pid).not.toBe(child.pid);
    expect(isSsh(pid)).toBe(true);
    child.stdin?.end("\n");
    expect(await result).toMatchObject({ code: 3 });
    // and it outlives it
    expect(await lab.ssh(HOST, "echo in")).toMatchObject({ code: 0, stdout: "in\n" });
    expect(await lab.masterPid()).toBe(pid);
  });

  describe("whose first process ends while it is looked at", () => {
    const processes = new ProcessTable();
    let pid = 0;
    beforeEach(async () => {
      const words = [
        "-F",
        lab.sshConfig,
        "-N",
        "-o",
        "ControlMaster=no",
        "-o",
        "ProxyCommand=sleep 60",
        HOST,
      ];
      pid = lab.start("ssh", words, { stdio: "ignore" }).pid ?? 0;
      await until(() => isSsh(pid), "an ssh");
    });
    const end = (): undefined => {
      process.kill(pid, "SIGKILL");
      while (isSsh(pid)); // nobody has reaped it: that waits for this test
    };

    it("is not seen in that one", () => {
      const parts = { processes, sshConfig: undefined, claimOf: () => undefined };
      const logins = (of: () => undefined) => ({ of, ofParent: () => undefined });
      const look = (of: () => undefined) => originOf({ ...parts, logins: logins(of) }, pid, pid);
      expect(look(() => undefined)).toMatchObject({
        maker: { pid },
        origin: { destination: { host: HOST } },
      });
      expect(() => look(end)).toThrow(ProcessGone);
    });

    it("is of no run: what has ended would carry any mark", () => {
      const scopes = new Scopes(processes);
      const look = (before?: () => void) =>
        runAround([pid, process.pid], processes, (caller) => {
          if (caller.pid === pid) before?.();
          return scopes.runAround(caller);
        });
      expect(look()).toBeUndefined();
      expect(look(end)).toBeUndefined();
    });
  });
});

function isSsh(pid: number): boolean {
  try {
    return basename(readlinkSync(`/proc/${pid}/exe`)) === "ssh";
  } catch {
    return false;
  }
}
