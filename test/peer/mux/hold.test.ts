/** ControlPersist, and a question that is open longer than that. */
import { existsSync } from "node:fs";
import { afterEach, expect, it } from "vitest";
import { HOST, MuxLab } from "../../../lab/mux-lab.ts";
import { until } from "../../../lab/processes.ts";
import { opened, QUEUE } from "../opened.ts";
import { describeWith } from "../tools.ts";

describeWith(["ssh", "sshd"], "a master about which a person is asked", () => {
  const lab = opened(
    new MuxLab(),
    'default = "allow"\n[[rule]]\non = ["session"]\naction = "ask"\nremember = "never"\n',
    QUEUE,
  );
  // longer than its adoption takes on a busy machine
  const brief = ["-o", "ControlPersist=5"];
  afterEach(() => lab.endMasters());

  /** Waits until another master, made now with the same ControlPersist, has ended of it. */
  async function persistRunsOut(): Promise<void> {
    const path = lab.path("measure");
    expect(await lab.ssh("-S", path, "-M", "-N", "-f", ...brief, HOST)).toMatchObject({ code: 0 });
    await until(() => !existsSync(path), "the end of ControlPersist");
  }

  it("stays as long as the question does, and its session goes over it", async () => {
    const pid = await lab.startMaster(HOST, ...brief);
    const session = lab.ssh(HOST, "echo in");
    const [question] = await lab.pending();
    await persistRunsOut();
    const connections = lab.connections();
    expect(await lab.masterPid()).toBe(pid);
    await lab.muxguard("approve", question?.id ?? "");
    expect(await session).toMatchObject({ code: 0, stdout: "in\n" });
    expect(lab.connections()).toBe(connections);
    // and no longer than that
    await until(() => !existsSync(lab.controlPath()), "the end of ControlPersist");
  });

  it("that is killed denies the session, which makes no login of its own", async () => {
    const pid = await lab.startMaster();
    const connections = lab.connections();
    const { result, events } = await lab.logged(async () => {
      const session = lab.ssh(HOST, "echo nobody was asked");
      await lab.pending();
      process.kill(pid, "SIGKILL");
      return session;
    });
    expect(result).toMatchObject({ code: 255, stdout: "" });
    const reason = "the shared connection ended before the answer";
    expect(result.stderr).toMatch(new RegExp(`^muxguard: denied: run .*\\(${reason}\\)\n$`));
    expect(lab.connections()).toBe(connections);
    expect(events).toMatchObject([{ decision: "deny", by: "fault:withdrawn", reason }]);
  });
});
