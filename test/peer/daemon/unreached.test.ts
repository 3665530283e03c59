/** A daemon that nobody can reach any more: its folder is gone for good, or another daemon is in its place. */
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ended, Lab, MUXGUARD, stderrOf, until } from "../../../lab/lab.ts";
import { sshProcesses } from "../../../lab/masters.ts";
import { HOST, inodeOf, MuxLab, namesIn } from "../../../lab/mux-lab.ts";
import { describeWith } from "../tools.ts";

/** Longer than it waits for its folder, in milliseconds, and still some on a busy machine. */
const WAITS = 30_000;

/** Where the folder would be made is something else from now on, for root as well. */
function takeRuntime(lab: Lab): void {
  renameSync(lab.path("runtime"), lab.path("runtime.gone"));
  writeFileSync(lab.path("runtime"), "");
}

const operations = (lab: Lab): unknown[] =>
  lab.log().flatMap(({ kind, operation }) => (kind === "admin" ? [operation] : []));

describeWith(["ssh", "sshd"], "a daemon whose runtime folder can't be made anew", () => {
  let lab: MuxLab;
  beforeEach(async () => {
    lab = new MuxLab();
    lab.policy('default = "allow"\n');
    await lab.open();
  });
  afterEach(() => lab.close());

  it("ends, says why and what to do, and ends the masters: nobody would guard them", async () => {
    await lab.startMaster();
    const { daemon } = lab;
    takeRuntime(lab);
    await until(() => daemon?.exitCode === 1, "the end of the daemon", WAITS);
    const said =
      /nobody can reach the daemon: .* is gone, and can't be made anew: .*; see to it that the folder/;
    expect(lab.told).toMatch(said);
    expect(operations(lab)).toContain("daemon-lost");
    expect(sshProcesses(lab.folder)).toEqual([]);
    expect(namesIn(lab.sockets).filter((name) => name !== ".muxguard")).toEqual([]);
    rmSync(lab.path("runtime"));
    renameSync(lab.path("runtime.gone"), lab.path("runtime"));
  });

  it("ends at once when it is told to, and gives the masters back then", async () => {
    const master = await lab.startMaster();
    takeRuntime(lab);
    await lab.endGuard();
    expect(lab.daemon?.exitCode).toBe(0);
    expect((await lab.ssh("-O", "check", HOST)).stderr).toContain(`pid=${master}`);
    expect(lab.isAdopted()).toBe(false);
  });

  it("goes on where the folder is there again a moment later", async () => {
    await lab.startMaster(); // it watches by now
    takeRuntime(lab);
    await until(() => lab.told.includes("ENOTDIR"), "the daemon to see it", WAITS);
    rmSync(lab.path("runtime"));
    mkdirSync(lab.path("runtime"), { mode: 0o700 });
    await until(() => existsSync(lab.daemonSocket), "its socket in a new folder", WAITS);
    expect((await lab.muxguard("status")).stdout).toMatch(new RegExp(`^daemon +pid ${lab.daemon?.pid}`));
    expect(operations(lab)).not.toContain("daemon-lost");
  });
});

describeWith(["ssh"], "two daemons", () => {
  let lab: Lab;
  beforeEach(() => {
    lab = new Lab();
    lab.policy('default = "allow"\n');
  });
  afterEach(() => lab.close());

  /** While the daemon can't look. */
  async function moveFolder(daemon: ChildProcess, meanwhile: () => Promise<void>): Promise<void> {
    daemon.kill("SIGSTOP");
    renameSync(lab.path("runtime/muxguard"), lab.path("runtime/gone"));
    await meanwhile();
    daemon.kill("SIGCONT");
  }

  const reached = async (): Promise<number> =>
    Number(/^daemon +pid (\d+)/.exec((await lab.muxguard("status")).stdout)?.[1]);

  it("become one: the earlier one ends, and leaves the later one's sockets as they are", async () => {
    const earlier = await lab.startDaemon();
    const said = stderrOf(earlier);
    let later: ChildProcess | undefined;
    await moveFolder(earlier, async () => {
      later = await lab.startDaemon();
    });
    const inode = inodeOf(lab.daemonSocket);
    await ended(earlier);
    expect(earlier.exitCode).toBe(0);
    expect(said()).toMatch(
      new RegExp(`another daemon, pid ${later?.pid}, has taken over in .*; this one ends`),
    );
    expect(await reached()).toBe(later?.pid);
    expect(inodeOf(lab.daemonSocket)).toBe(inode);
    expect(operations(lab)).toEqual(["daemon-replaced"]);
  });

  it("stay two where the later one is inside of a run, which gets no socket of the daemon's", async () => {
    const earlier = await lab.startDaemon();
    const said = stderrOf(earlier);
    const inside = `kill -STOP ${earlier.pid}; mv "${lab.path("runtime/muxguard")}" "${lab.path("runtime/gone")}"
      timeout 40 "${process.execPath}" "${MUXGUARD}" daemon --foreground & its=$!
      until [ -S "${lab.path("runtime/muxguard/control/agent.sock")}" ]; do sleep 0.05; done; sleep 1
      kill -CONT ${earlier.pid}; wait $its`;
    const ran = await lab.muxguard("run", "--", "/bin/sh", "-c", inside);
    expect(ran.stderr).toMatch(new RegExp(`another daemon, pid ${earlier.pid}, has taken over`));
    expect(said()).toMatch(/daemon\.sock was replaced by that of pid \d+ .*, and is the guard's again/);
    expect(await reached()).toBe(earlier.pid);
    expect(operations(lab)).toContain("socket-replaced");
  });
});
