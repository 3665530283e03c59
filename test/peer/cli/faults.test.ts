/** Commands without a place to write to, without descriptors, at a guard that was stopped, and with a fault. */
import type { ChildProcess } from "node:child_process";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { Lab, MUXGUARD, type Result } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";

const ASKPASS = join(dirname(MUXGUARD), "muxguard-askpass");
const RIDE = join(dirname(MUXGUARD), "muxguard-ride");
const prints = ["status", "pending", "grants", "env", "upstream", "policy check", "forget --all", "--help"];
const asks = ["approve abc", "deny abc", "close host", "adopt /nowhere", "open host.invalid"];
const silent = ["run -- true", "log"];

const stack = /^\s+at |node:internal|Node\.js v/m;

describeWith(["ssh"], "a command", () => {
  const lab = new Lab();
  let daemon: ChildProcess;

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", lab.key("work"));
    lab.config('approvers = ["command", "queue"]\ncommand = "/bin/false"\n'); // env says where nobody can be asked
    daemon = await lab.startDaemon();
  });
  afterAll(() => lab.close());

  function shell(script: string): Promise<Result> {
    return lab.run("/bin/bash", ["-c", script.replaceAll("muxguard", `'${process.execPath}' '${MUXGUARD}'`)]);
  }

  it.each([...prints, ...silent])("has no fault where nobody reads what it says: %s", async (command) => {
    expect(await shell(`muxguard ${command} >&-`)).toMatchObject({ code: 0, stderr: "" });
    expect(await shell(`muxguard ${command} 2>&-`)).toMatchObject({ code: 0 });
    expect(await shell(`set -o pipefail; muxguard ${command} | true`)).toMatchObject({ code: 0, stderr: "" });
    expect(await shell(`muxguard ${command} 2>/dev/full`)).toMatchObject({ code: 0 });
  });

  it.each(prints)("fails with a line where its words have no room: %s", async (command) => {
    expect(await shell(`muxguard ${command} >/dev/full`)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^muxguard: stdout: ENOSPC: [^\n]*\n$/),
    });
    expect(await shell(`muxguard ${command} >/dev/full 2>&1`)).toMatchObject({ code: 1 });
  });

  it.each(asks)("fails as it does elsewhere where its complaint has no room: %s", async (command) => {
    for (const redirected of ["2>&-", "2>/dev/full", ">&-", "| true"]) {
      const { code, stderr } = await shell(`set -o pipefail; muxguard ${command} ${redirected}`);
      expect({ code, isStack: stack.test(stderr) }).toEqual({ code: 1, isStack: false });
    }
  });

  // how many Node needs for itself depends on it: with fewer it does not start
  it.each([...prints.slice(0, 3), "upstream", "lock", "run -- true", "close host", "approve abc"])(
    "tells of descriptors that are lacking, and of nothing that it could not see: %s",
    async (command) => {
      let lacked = 0;
      for (let limit = 18, isEnough = false; limit <= 40 && !isEnough; limit++) {
        const { code, stdout, stderr } = await shell(`ulimit -n ${limit}; muxguard ${command}`);
        isEnough = lacked > 0 && !stderr.includes("EMFILE");
        if (!stderr.includes("EMFILE")) continue;
        lacked++;
        // of a run: its command can't be started
        const isStarting = code === 126 && /^muxguard: true: spawn \S+ EMFILE\n$/.test(stderr);
        if (isStarting) continue;
        expect({ limit, code, stdout }).toEqual({ limit, code: 1, stdout: "" });
        expect(stderr).toMatch(/^muxguard: (EMFILE: |connect EMFILE )[^\n]*\n$/);
      }
      expect(lacked).toBeGreaterThan(0);
      await lab.muxguard("unlock");
    },
  );

  it.each([
    ["throws", 'throw new Error("br\\x1boken")'],
    ["rejects", 'Promise.reject(new Error("br\\x1boken"))'],
  ])("ends with one line where something of its own %s", async (_, fault) => {
    const file = lab.path("fault.cjs");
    writeFileSync(file, `setTimeout(() => { ${fault}; }, 1);\n`);
    const run = (program: string, ...args: string[]): Promise<Result> =>
      lab.run(process.execPath, ["--require", file, program, ...args]);
    const line = (name: string) => expect.stringMatching(`(^|\n)${name}: internal fault: br\\\\x1boken\n$`);
    expect(await run(MUXGUARD, "log", "--follow")).toMatchObject({ code: 1, stderr: line("muxguard") });
    expect(await run(ASKPASS, "Password:")).toMatchObject({ code: 1, stderr: line("muxguard-askpass") });
    const { stderr, code } = await run(RIDE, lab.path("nobody/ride.sock"), "host");
    expect({ code, isStack: stack.test(stderr) }).toEqual({ code: 255, isStack: false });
  });

  describeWith(["ssh"], "at a daemon that was stopped", () => {
    beforeEach(() => daemon.kill("SIGSTOP"));
    afterEach(async () => {
      daemon.kill("SIGCONT");
      await lab.muxguard("unlock");
    });

    const says = () =>
      `muxguard: the guard at ${lab.daemonSocket} does not answer; if it was stopped: kill -CONT its pid\n`;

    it.each([
      ...["status", "pending", "grants", "upstream", "upstream /tmp/agent", "forget --all", "unlock"],
      ...["approve abc", "deny abc", "open host", "close host", "adopt /nowhere"],
    ])("does not wait for ever: %s", async (command) => {
      expect(await lab.muxguard(...command.split(" "))).toEqual({
        code: 4,
        signal: null,
        stdout: "",
        stderr: says(),
      });
    });

    it("starts nothing in a run, which would have another guard", async () => {
      const result = await lab.muxguard("run", "--", "touch", lab.path("ran"));
      expect(result).toMatchObject({ code: 4, stdout: "", stderr: says() });
      expect(existsSync(lab.path("ran"))).toBe(false);
    });

    it("locks it all the same, as of when it goes on", async () => {
      expect(await lab.muxguard("lock")).toMatchObject({ code: 4, stdout: "", stderr: says() });
      daemon.kill("SIGCONT");
      expect((await lab.muxguard("status")).stdout).toContain("locked     everything is denied");
    });
  });
});

describeWith(["ssh"], "a run with a guard of its own, where descriptors are lacking", () => {
  const lab = new Lab();
  afterAll(() => lab.close());

  it("ends with a line that says so, and leaves nothing", async () => {
    const codes = new Set<number | null>();
    for (let limit = 19; limit <= 30; limit++) {
      const line = `ulimit -n ${limit}; exec timeout 20 '${process.execPath}' '${MUXGUARD}' run -- true`;
      const { code, stderr } = await lab.run("/bin/bash", ["-c", line]);
      codes.add(code);
      if (code === 0) break;
      expect({ limit, stderr }).toEqual({
        limit,
        stderr: expect.stringMatching(/^muxguard: [^\n]*EMFILE[^\n]*\n$/),
      });
    }
    expect([...codes]).toEqual(expect.arrayContaining([0, 1]));
    expect(codes).not.toContain(124); // of timeout(1)
    expect(readdirSync(dirname(lab.daemonSocket)).filter((name) => name.startsWith("run-"))).toEqual([]);
  });
});
