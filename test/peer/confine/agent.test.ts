/** The agent of a confined run: the guard's, by whatever path. With a daemon, and with a guard of its own. */
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ConfinedLab } from "../../../lab/confined-lab.ts";
import { HOST } from "../../../lab/mux-lab.ts";
import type { AuditEvent } from "../../../src/audit/event.ts";
import { describeWith } from "../tools.ts";

/** In a folder that no confined run gets. */
const tool = `/tmp/ssh-tools-${process.pid}-${process.hrtime.bigint()}/ssh`;

/** What git starts may log in; nothing else may use a key. */
const RULES = `default = "deny"
[[rule]]
on = ["list"]
action = "allow"
[[rule]]
name = "this program"
on = ["sign"]
host = "${HOST}"
caller = "/usr/bin/git,${tool}"
scope = "work"
action = "allow"
`;

describe.each([
  ["with a daemon", true],
  ["with a guard of its own", false],
])("a confined run %s", (_, hasDaemon) => {
  describeWith(["bwrap", "ssh", "sshd", "git"], "has one agent", () => {
    const lab = new ConfinedLab({ hasDaemon });
    const confined = (line: string, ...options: string[]) =>
      lab.confined(line, "--scope", "work", ...options);
    const list = (socket: string) => `SSH_AUTH_SOCK=${socket} ssh-add -l 2>&1 | cut -d' ' -f3`;
    beforeAll(async () => {
      lab.policy(RULES);
      mkdirSync(lab.path("agents"), { mode: 0o700 });
      await lab.startAgent("agents/named.sock");
      await lab.startAgent("loose.sock");
      for (const name of ["agents/named.sock", "loose.sock", "later/agent.sock"])
        lab.host(name.replaceAll("/", "-"), [`IdentityAgent ${lab.path(name)}`]);
      await lab.open();
    });
    afterAll(() => lab.close());
    afterEach(() => rmSync(dirname(tool), { recursive: true, force: true }));

    it("which is the guard's at each path where another was", async () => {
      const sockets = ["agents/named.sock", "loose.sock", "upstream.sock"].map((name) =>
        list(lab.path(name)),
      );
      const { stdout } = await confined(["echo $SSH_AUTH_SOCK", ...sockets].join("\n"));
      const [own, ...keys] = stdout.trimEnd().split("\n");
      expect(own).toMatch(new RegExp(`^${lab.path("runtime/muxguard/")}`));
      expect(keys).toEqual(["me@laptop", "me@laptop", "me@laptop"]);
      // outside each of the two is an agent without a key
      expect((await lab.run("/bin/sh", ["-c", list(lab.path("loose.sock"))])).stdout).not.toContain("me@");
    });

    it.each(["--confine", "--ride"])("which %s --show says of each of these paths", async (option) => {
      const environment = { SSH_AUTH_SOCK: lab.path("upstream.sock") };
      const words = [lab.program, "run", option, "--show"];
      const { stdout } = await lab.run(process.execPath, words, { environment });
      for (const name of ["agents/named.sock", "upstream.sock"])
        expect(stdout).toContain(`  ${lab.path(name)}  (an agent's socket: the run's, from `);
    });

    it("whose keys a rule gives to one program, and to no other", async () => {
      const git = `git ls-remote ssh://${HOST}/nowhere; echo $?`;
      const environment = `GIT_SSH_COMMAND="ssh -F ${lab.sshConfig} -o ControlPath=none -v"`;
      const { result, events } = await lab.logged(() => confined(`${environment} ${git}`));
      expect(result.stderr).toContain("Authenticated to");
      expect(signs(events)).toEqual(["allow rule:this program"]);
      const plain = await lab.logged(() =>
        confined(`ssh -F ${lab.sshConfig} -o ControlPath=none ${HOST} true`),
      );
      expect(plain.result.code).toBe(255);
      expect(signs(plain.events)).toEqual(["deny default"]);
    });

    it("to which no program passes for another by a path of its own", async () => {
      // in the run's own /tmp there may be any file: here is another one, which a rule lets log in
      mkdirSync(dirname(tool));
      copyFileSync("/usr/bin/ssh", tool);
      const login = `${tool} -F ${lab.sshConfig} -o ControlPath=none ${HOST} true`;
      const line = `mkdir ${dirname(tool)}; cp /usr/bin/ssh ${tool}; ${login}; echo $?`;
      const { result, events } = await lab.logged(() => confined(line));
      expect(result.stdout).toBe("255\n");
      expect(signs(events)).toEqual(["deny default"]);
      const own = await lab.logged(() =>
        lab.muxguard("run", "--scope", "work", "--", "/bin/sh", "-c", login),
      );
      expect(signs(own.events)).toEqual(["allow rule:this program"]); // so the path was worth it
    });

    it("and can neither approve, nor steer the guard", async () => {
      const daemon = lab.path("runtime/muxguard/daemon.sock");
      const { stdout } = await confined(
        `ls ${daemon} 2>/dev/null; ${process.execPath} ${lab.program} status; echo $?`,
      );
      expect(stdout).not.toContain("daemon.sock");
      expect(stdout).toMatch(/\n3\n$/); // as where no guard runs
    });
  });
});

function signs(events: readonly AuditEvent[]): string[] {
  return events.filter(({ kind }) => kind === "sign").map(({ decision, by }) => `${decision} ${by}`);
}
