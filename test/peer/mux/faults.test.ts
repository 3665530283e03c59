/**
 * A guarded control socket when one of those around it is killed: the master, the client, the guard itself.
 */
import type { ChildProcess } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { afterEach, expect, it } from "vitest";
import { finished, type Result, until } from "../../../lab/lab.ts";
import { HOST, inodeOf, MuxLab, namesIn } from "../../../lab/mux-lab.ts";
import { SERVERS_HAVE_TERMINALS } from "../../../lab/terminal/server-terminals.ts";
import { opened } from "../opened.ts";
import { describeWith } from "../tools.ts";

/** Whether the process has a handler for the signal: SigCgt, proc(5). */
function catches(pid: number, signal: NodeJS.Signals): boolean {
  const [, mask = "0"] = /^SigCgt:\t(\w+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return ((BigInt(`0x${mask}`) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;
}

describeWith(["ssh", "sshd"], "a session over a guarded control socket", () => {
  const lab = opened(new MuxLab());
  afterEach(() => lab.endMasters());

  /** A session that runs, and what becomes of it. */
  const start = async (command: string, ...options: string[]) => {
    const args = [
      "-F",
      lab.sshConfig,
      ...options,
      HOST,
      command.includes("echo ready") ? command : `echo ready; ${command}`,
    ];
    const child = lab.start("ssh", args, { detached: true, stdio: ["pipe", "pipe", "pipe"] });
    const result = finished(child);
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    return { child, result };
  };

  const endsLike = async (end: (child: ChildProcess, master: number) => unknown): Promise<void> => {
    const results: Result[] = [];
    const plain = await lab.startPlainMaster();
    const pids = { guarded: await lab.startMaster(), plain: await lab.masterPid(HOST, ...plain) };
    for (const [pid, options] of [
      [pids.guarded, []],
      [pids.plain, plain],
    ] as const) {
      const { child, result } = await start("cat", ...options);
      await end(child, pid);
      results.push(await result);
    }
    expect(results[0]).toEqual(results[1]);
    expect(results[0]?.stdout).toBe("ready\n");
  };

  it("ends as without a guard when the master is killed, and the next ssh makes another master", async () => {
    await endsLike((_, master) => process.kill(master, "SIGKILL"));
    await until(() => inodeOf(lab.controlPath()) === undefined, "the end of the listener");
    expect(namesIn(`${lab.sockets}/.muxguard`)).toEqual([]);
    expect(await lab.ssh(HOST, "echo in")).toMatchObject({ code: 0, stdout: "in\n", stderr: "" });
  });

  it("ends as without a guard when the master is asked to end", async () => {
    await endsLike((_, master) => process.kill(master, "SIGTERM"));
  });

  it.each(["SIGKILL", "SIGTERM", "SIGHUP", "SIGINT"] as const)(
    "ends as without a guard when the client gets %s",
    async (signal) => {
      await endsLike(async (child) => {
        // what the session prints may be there before ssh has set its handlers
        if (signal !== "SIGKILL") await until(() => catches(child.pid ?? 0, signal), "ssh's handlers");
        child.kill(signal);
      });
    },
  );

  const hangup = "trap 'touch FILE; exit' HUP; echo ready; while :; do sleep 0.05; done";
  it.each([
    ...(SERVERS_HAVE_TERMINALS ? [["with a terminal gets its hangup", ["-tt"], hangup] as const] : []),
    ["that reads stdin gets its end", [], "cat; touch FILE"] as const,
  ])("whose client is killed ends: a command %s", async (_, options, command) => {
    const file = lab.path("hung-up");
    rmSync(file, { force: true });
    const pid = await lab.startMaster();
    const { child } = await start(command.replace("FILE", file), ...options);
    child.kill("SIGKILL");
    await until(() => existsSync(file), "the remote command's end");
    expect(await lab.masterPid()).toBe(pid);
  });

  it("gives its exit code although its master, which waited for it alone, ends with it", async () => {
    for (let round = 0; round < 10; round++) {
      const master = await start(`while ! test -e ${lab.path("end")}; do sleep 0.02; done`);
      await until(() => lab.isAdopted(), "the adoption");
      const { child, result } = await start("read line; exit 3");
      await lab.shell("touch end");
      // its own session is over: the master waits for the other one
      await until(() => lab.closedSessions() > round * 2, "the end of the master's session");
      child.stdin?.end("end\n");
      expect(await result).toMatchObject({ code: 3, stdout: "ready\n" });
      expect((await master.result).code).toBe(0);
      await until(() => inodeOf(lab.controlPath()) === undefined, "the end of the listener");
      rmSync(lab.path("end"));
    }
  });
});

describeWith(["ssh", "sshd"], "a guard of control sockets that is killed", () => {
  const lab = opened(new MuxLab());
  afterEach(async () => {
    await lab.endMasters();
    rmSync(lab.controlPath(), { force: true });
    rmSync(`${lab.sockets}/.muxguard`, { recursive: true, force: true });
  });

  const kill = (): Promise<void> => lab.endGuard("SIGKILL");

  it("ends its clients at once, and the next one finds the master again", async () => {
    const pid = await lab.startMaster();
    const child = lab.start("ssh", ["-F", lab.sshConfig, HOST, "echo ready; cat"]);
    const result = finished(child);
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    await kill();
    expect(await result).toMatchObject({ code: 255, stdout: "ready\n" });
    await lab.guard();
    // first that the master is found again: what the killed guard left behind looks like an adoption
    const found = async (): Promise<boolean> => (await lab.masterPid()) === pid && lab.isAdopted();
    await until(found, "the adoption of the same master");
    const { result: session, events } = await lab.logged(() => lab.ssh(HOST, "echo in"));
    expect(session).toMatchObject({ code: 0, stdout: "in\n", stderr: "" });
    expect(events).toMatchObject([{ kind: "session", decision: "allow" }]);
  });

  const killedAndNext = async (): Promise<void> => {
    await kill();
    await lab.guard();
  };
  const anew = async (): Promise<void> => {
    expect(await lab.muxguard("daemon", "restart")).toMatchObject({ code: 0 });
  };

  it.each([
    ["is killed, and comes again,", killedAndNext],
    ["starts anew", anew],
  ])("that %s leaves no moment in which a master's own socket is at its path", async (_, endAndStart) => {
    await lab.startMaster();
    const folder = `${lab.sockets}/.muxguard`;
    const inode = inodeOf(`${folder}/${namesIn(folder)[0]}`);
    expect(inode).toBeDefined();
    // looks all the time, in a process of its own, and says when it saw the master's own socket there
    const look = `const { lstatSync } = require("node:fs");
      for (const end = Date.now() + 20_000; Date.now() < end; ) {
        const found = lstatSync(process.argv[1], { throwIfNoEntry: false });
        if (found?.ino === ${inode}) process.exit(7);
        if (lstatSync(process.argv[2], { throwIfNoEntry: false })) process.exit(0);
      }`;
    const looking = lab.start(process.execPath, ["-e", look, lab.controlPath(), lab.path("seen")]);
    const looked = finished(looking);
    await endAndStart();
    // what the killed guard left behind looks like an adoption
    const isServed = async (): Promise<boolean> => (await lab.ssh("-O", "check", HOST)).code === 0;
    await until(isServed, "the adoption");
    const { events } = await lab.logged(() => lab.ssh(HOST, "echo in"));
    expect(events).toMatchObject([{ kind: "session", decision: "allow" }]);
    writeFileSync(lab.path("seen"), "");
    expect((await looked).code).toBe(0);
    rmSync(lab.path("seen"));
  });

  it("keeps nobody from logging in: the next ssh makes a master, which the next guard takes over", async () => {
    const pid = await lab.startMaster();
    await kill();
    lab.environment.SSH_AUTH_SOCK = lab.path("upstream.sock");
    expect(await lab.ssh("-o", "ControlPersist=60", HOST, "echo in")).toMatchObject({
      code: 0,
      stdout: "in\n",
    });
    const next = await lab.masterPid();
    expect(next).not.toBe(pid);
    lab.environment.SSH_AUTH_SOCK = lab.agentSocket;
    await lab.guard();
    await until(() => lab.told.includes("has a new master"), "the report of two masters");
    await until(() => lab.isAdopted(), "the adoption");
    expect(await lab.masterPid()).toBe(next);
  });

  it("gives the masters their sockets back when it is asked to end", async () => {
    const pid = await lab.startMaster();
    await lab.endGuard();
    expect(lab.isAdopted()).toBe(false);
    expect(await lab.masterPid()).toBe(pid);
    const logged = lab.log().length;
    expect(await lab.ssh(HOST, "echo in")).toMatchObject({ code: 0, stdout: "in\n", stderr: "" });
    expect(lab.log()).toHaveLength(logged);
    await lab.guard();
    await until(() => lab.isAdopted(), "the adoption");
    expect(await lab.masterPid()).toBe(pid);
  });
});
