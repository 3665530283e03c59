/** Another program of the user's removes or replaces what the daemon has in its runtime folder. */
import type { ChildProcess } from "node:child_process";
import { existsSync, renameSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ended, Lab, MUXGUARD, stderrOf, until } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";

/** How much slower than its promise a busy machine may be. */
const SLOW = 10;

describeWith(["ssh"], "a daemon's runtime folder", () => {
  let lab: Lab;
  let daemon: ChildProcess;
  let stderr: () => string;
  const theirs: Server[] = [];

  beforeEach(async () => {
    lab = new Lab();
    await lab.startAgent("upstream.sock", lab.key("work"));
    lab.policy('[[rule]]\naction = "allow"\n');
    await start();
  });
  afterEach(async () => {
    for (const server of theirs.splice(0)) server.close();
    await lab.close();
  });

  async function start(): Promise<void> {
    daemon = await lab.startDaemon();
    stderr = stderrOf(daemon);
  }

  const status = async () => (await lab.muxguard("status")).stdout;
  const add = (key: string) =>
    lab.run("ssh-add", ["-q", key], { environment: { SSH_AUTH_SOCK: lab.agentSocket } });

  /** Puts another's socket there in one step. @returns what it was sent */
  async function replace(path: string): Promise<Buffer[]> {
    const sent: Buffer[] = [];
    const server = createServer((socket) => socket.on("data", (bytes) => sent.push(bytes)));
    theirs.push(server);
    await new Promise<void>((resolve) => server.listen(`${path}.theirs`, resolve));
    renameSync(`${path}.theirs`, path);
    return sent;
  }

  it("has its agent socket back: ssh-add then gives no key to a false one", async () => {
    const key = lab.key("secret");
    const sent = await replace(lab.agentSocket);
    const said = new RegExp(`agent\\.sock was replaced by that of pid ${process.pid} .*is the guard's again`);
    await until(() => said.test(stderr()), "the daemon to tell of it", 1000 * SLOW);
    expect((await add(key)).code).toBe(0);
    expect(Buffer.concat(sent)).toHaveLength(0);
    expect(await status()).toMatch(said);
    expect(lab.log().filter(({ operation }) => operation === "socket-replaced")).toMatchObject([
      { kind: "admin", decision: "deny", reason: expect.stringMatching(said) },
    ]);
  });

  it("has its daemon socket back, also where it was just removed; one that is replaced often is told once", async () => {
    for (let times = 0; times < 3; times++) {
      rmSync(lab.daemonSocket);
      await until(() => existsSync(lab.daemonSocket), "the socket");
    }
    expect(await status()).toMatch(/daemon\.sock was removed at/);
    expect(stderr().match(/daemon\.sock was removed/g)).toHaveLength(1);
  });

  it("stays locked, as does the next daemon, when the lock's file is removed", async () => {
    await lab.muxguard("lock");
    rmSync(lab.path("runtime/muxguard/locked"));
    await until(() => existsSync(lab.path("runtime/muxguard/locked")), "the lock's file");
    expect(await status()).toContain("the file of muxguard lock was removed; muxguard stays locked");
    expect(lab.log().at(-1)).toMatchObject({ kind: "admin", operation: "lock-removed" });
    rmSync(lab.path("runtime/muxguard/locked"));
    daemon.kill("SIGTERM");
    await ended(daemon);
    await start();
    expect(await status()).toContain("locked ");
    expect((await lab.muxguard("unlock")).stdout).toBe("unlocked\n");
    expect(await status()).not.toContain("lock");
  });

  it("stays locked where the daemon is killed and the file removed: the log has it", async () => {
    const file = lab.path("runtime/muxguard/locked");
    await lab.muxguard("lock");
    daemon.kill("SIGKILL");
    await ended(daemon);
    rmSync(file);
    const run = await lab.muxguard("run", "--", "ssh-add", "-T", lab.path("work.pub"));
    expect(run.code).not.toBe(0);
    expect(run.stderr).toContain("muxguard is locked");
    rmSync(file);
    await start();
    expect(await status()).toContain("the file of muxguard lock was removed; muxguard stays locked");
    daemon.kill("SIGKILL");
    await ended(daemon);
    rmSync(file);
    // also where no guard is there to do it
    expect((await lab.muxguard("unlock")).stdout).toBe("unlocked\n");
    await start();
    expect(await status()).not.toContain("lock");
  });

  it("stays locked also where no guard was there to be locked", async () => {
    daemon.kill("SIGTERM");
    await ended(daemon);
    expect((await lab.muxguard("lock")).stdout).toContain("locked: everything is denied");
    expect((await lab.muxguard("lock")).stdout).toContain("is locked already");
    rmSync(lab.path("runtime/muxguard/locked"));
    await start();
    expect(await status()).toContain("locked ");
    const inside = await lab.muxguard("run", "--", process.execPath, MUXGUARD, "unlock");
    expect(inside.code).not.toBe(0);
    expect(await status()).toContain("locked ");
  });
});
