/**
 * What a guard that was killed leaves behind: no master that nobody can reach, no socket that hangs, and what
 * was taken over is guarded again.
 */
import { readdirSync } from "node:fs";
import { expect, it } from "vitest";
import { ended, stderrOf, stdoutOf, until } from "../../../lab/lab.ts";
import { HOST, MuxLab } from "../../../lab/mux-lab.ts";
import { OpenLab } from "../../../lab/open-lab.ts";
import { ALLOW, opened, QUEUE } from "../opened.ts";
import { describeWith } from "../tools.ts";

describeWith(["ssh", "sshd"], "a daemon that was killed", () => {
  const lab = opened(new OpenLab(), ALLOW, QUEUE);

  const kill = (): Promise<void> => lab.endGuard("SIGKILL");

  it("leaves masters that the next one ends, and sockets that it takes away", async () => {
    expect(await lab.muxguard("open", HOST)).toMatchObject({ code: 0 });
    expect(await lab.muxguard("open", "--control-path", "sockets/second", HOST)).toMatchObject({ code: 0 });
    expect(await lab.muxguard("open", "--control-path", "sockets/third", HOST, "-C")).toMatchObject({
      code: 0,
    });
    const left = lab.masters();
    expect(left).toHaveLength(2);
    await kill();
    expect(lab.masters()).toEqual(left);
    await lab.guard();
    await until(() => lab.masters().length === 0, "the end of the masters that were left");
    await until(() => readdirSync(lab.sockets).length === 0, "the end of the sockets that were left");
    // and the host is open for a new one
    expect(await lab.muxguard("open", HOST)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^open: /),
    });
    expect(await lab.ssh(HOST, "echo in")).toMatchObject({ stdout: "in\n" });
    await lab.muxguard("close", HOST);
  });

  it("leaves ssh without a socket that hangs, also before the next one runs", async () => {
    await lab.muxguard("open", HOST);
    await kill();
    // the stale socket makes ssh log in by itself: there is no agent any more, so it fails, but it does not
    // wait
    expect(await lab.ssh("-o", "ControlMaster=no", HOST, "true")).toMatchObject({ code: 255 });
    await lab.guard();
    await until(() => lab.masters().length === 0, "the end of the master");
  });

  it("takes a ride's master with it, too; the run's sessions end with a reason", async () => {
    const child = lab.startRide(
      `again() { ssh ${HOST} 'echo in'; echo $?; }; ssh ${HOST} 'echo in'; echo ready; read line; again; again`,
      { detached: true, stdio: "pipe" },
    );
    const [stdout, stderr] = [stdoutOf(child), stderrOf(child)];
    await until(() => stdout() === "in\nready\n", "the first session");
    await kill();
    child.stdin?.end("\n");
    await ended(child);
    await until(
      () => stdout().endsWith("\n255\n255\n"),
      () => `the sessions' end: ${stdout()} ${stderr()}`,
    );
    // the first of them knows the way, which leads nowhere any more; the next one asks for it anew
    expect(stderr()).toContain("muxguard: the shared connection is gone; try again\n");
    expect(stderr()).toMatch(/\nmuxguard: denied: the run has ended\n$/);
    await lab.guard();
    await until(() => lab.masters().length === 0, "the end of the master");
    const folders = readdirSync(lab.path("runtime/muxguard")).filter((name) => name.startsWith("ride-"));
    expect(folders).toEqual([]);
  });
});

describeWith(["ssh", "sshd"], "a daemon that was killed with a master that it had taken over", () => {
  const lab = opened(
    new MuxLab(),
    `default = "deny"\n[[rule]]\non = ["sign"]\naction = "allow"\n[[rule]]\nname = "by host"\nhost = "${HOST}"\nverified = true\naction = "allow"\n`,
  );

  async function isGuarded(path: string): Promise<boolean> {
    return (await lab.muxguard("status")).stdout.includes(`connection ${path} (adopted`);
  }

  it("comes back to the same host by its own command line: rules on it match", async () => {
    const pid = await lab.startMaster();
    await lab.endGuard("SIGKILL");
    await lab.guard();
    await until(() => isGuarded(lab.controlPath()), "the second adoption");
    const { result, events } = await lab.logged(() => lab.ssh(HOST, "echo in"));
    expect(result).toMatchObject({ code: 0, stdout: "in\n" });
    expect(await lab.masterPid()).toBe(pid);
    expect(events).toMatchObject([{ kind: "session", by: "rule:by host", host: HOST, verified: true }]);
  });

  it("does so for a master that was taken over by its path alone", async () => {
    const [, path = ""] = await lab.startPlainMaster();
    expect(await lab.muxguard("adopt", path)).toMatchObject({ code: 0 });
    await lab.endGuard("SIGKILL");
    await lab.guard();
    await until(() => isGuarded(path), "the second adoption");
    const { result, events } = await lab.logged(() => lab.ssh("-S", path, HOST, "echo in"));
    expect(result).toMatchObject({ code: 0, stdout: "in\n" });
    expect(events).toMatchObject([{ kind: "session", by: "rule:by host", host: HOST, verified: true }]);
  });
});
