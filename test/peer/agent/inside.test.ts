/** What is inside of a run, and comes to the socket of those who are in none. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Lab, MUXGUARD, until } from "../../../lab/lab.ts";
import type { AuditEvent } from "../../../src/audit/event.ts";
import { describeWith } from "../tools.ts";

const canBeApart = spawnSync("unshare", ["-Urpf", "true"], { stdio: "ignore" }).status === 0;
if (!canBeApart) console.warn("skipped, as there are no user namespaces: orphans in pid namespaces");

describeWith(["ssh", "sshd"], "a program inside of a run that is denied everything", () => {
  const lab = new Lab();
  const key = lab.key("work");
  const run = ["run", "--scope", "agent", "--"];
  // not the ssh that leads to the run's own socket
  const attempt = `SSH_AUTH_SOCK=${lab.agentSocket} command -p ssh -F ${lab.sshConfig} alpha.example echo in; echo ended`;

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", key);
    await lab.startServer("alpha.example", key);
    lab.policy(`
      [[rule]]
      name   = "no agents"
      scope  = "agent"
      action = "deny"

      [[rule]]
      name   = "others"
      scope  = "other"
      action = "allow"

      [[rule]]
      name   = "outside of runs"
      scope  = ""
      action = "allow"`);
    await lab.startDaemon();
  });
  afterAll(() => lab.close());

  it("gets nothing at the login session's socket either: its run decides", async () => {
    const { result, events } = await lab.logged(() => lab.muxguard(...run, "sh", "-c", attempt));
    expect(result.stdout).toBe("ended\n");
    expect(events).toMatchObject([{ decision: "deny", by: "rule:no agents" }]);
  });

  it("gets nothing where its line of ancestors is too long to show the run", async () => {
    const deep = lab.script(
      "deep",
      `#!/bin/sh\nif [ "$1" -gt 0 ]; then "$0" $(($1 - 1)); else ${attempt}; fi; :\n`,
    );
    const { result, events } = await lab.logged(() => lab.muxguard(...run, deep, "70"));
    expect(result.stdout).toBe("ended\n");
    expect(events).toMatchObject([
      { decision: "deny", reason: expect.stringContaining("inside of a muxguard") },
    ]);
  });

  describe("after it has killed the process that held it", () => {
    const denied = { decision: "deny", reason: expect.stringContaining("inside of a muxguard") };

    /** What is said, by a program whose run was ended by itself. */
    async function orphan(command: string): Promise<{ said: string; events: AuditEvent[] }> {
      const out = lab.path("out");
      rmSync(out, { force: true });
      const text = `#!/bin/sh\nwhile kill -0 $1; do :; done; { ${command}; echo ended; } > ${out} 2>&1\n`;
      const later = lab.script("later", text);
      const { events } = await lab.logged(async () => {
        await lab.muxguard(...run, "sh", "-c", `setsid ${later} $PPID & kill -9 $PPID`);
        await until(() => existsSync(out) && readFileSync(out, "utf8").endsWith("ended\n"), "its end");
      });
      return { said: readFileSync(out, "utf8"), events };
    }

    it("gets nothing", async () => {
      const { said, events } = await orphan(attempt);
      expect(said).not.toMatch(/^in$/m);
      expect(events).toMatchObject([denied]);
    });

    it.skipIf(!canBeApart)("gets nothing in a pid namespace either", async () => {
      const script = lab.script("apart", `#!/bin/sh\n${attempt}\n`);
      const { said, events } = await orphan(`unshare -Urpf ${script}`);
      expect(said).not.toMatch(/^in$/m);
      expect(events).toMatchObject([denied]);
    });

    it("gets nothing at the socket of another run, which may do what it may not", async () => {
      const { socket, child } = await lab.holdRun("--scope", "other");
      const there = `SSH_AUTH_SOCK=${socket} command -p ssh -F ${lab.sshConfig} alpha.example echo in`;
      expect((await lab.run("sh", ["-c", there])).stdout).toBe("in\n");
      const { said, events } = await orphan(there);
      expect(said).not.toMatch(/^in$/m);
      expect(events).toMatchObject([denied]);
      child.kill();
    });

    it("neither answers nor opens a run of the daemon's", async () => {
      const muxguard = `${process.execPath} ${MUXGUARD}`;
      const commands = ["unlock", "forget --all", "approve x", "run --scope other -- true"];
      const { said, events } = await orphan(commands.map((one) => `${muxguard} ${one}`).join("; "));
      expect(said.match(/refused: /g)).toHaveLength(3);
      expect(events.map(({ operation, by }) => [operation, by])).toEqual([
        ["unlock-all", "fault:inside"],
        ["forget", "fault:inside"],
        ["approve", "fault:inside"],
      ]);
    });
  });
});
