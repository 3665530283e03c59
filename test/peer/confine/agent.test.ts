/** The agent of a confined run: the guard's, by whatever path. With a daemon, and with a guard of its own. */
import { mkdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfinedLab } from "../../../lab/confined-lab.ts";
import { HOST } from "../../../lab/mux-lab.ts";
import { describeWith } from "../tools.ts";

/** What git starts may log in; nothing else may use a key. */
const RULES = `default = "deny"
[[rule]]
name = "this program"
on = ["sign"]
host = "${HOST}"
caller = "/usr/bin/git"
scope = "work"
action = "allow"
`;

describe.each([
  ["with a daemon", true],
  ["with a guard of its own", false],
])("a confined run %s", (_, hasDaemon) => {
  describeWith(["bwrap", "ssh", "sshd", "git"], "has one agent", () => {
    const lab = new ConfinedLab({ hasDaemon });
    const confined = (line: string, ...options: string[]) => lab.confined(line, "--scope", "work", ...options);
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

    it("which is the guard's at each path where another was", async () => {
      const sockets = ["agents/named.sock", "loose.sock", "upstream.sock"].map((name) => list(lab.path(name)));
      const { stdout } = await confined(["echo $SSH_AUTH_SOCK", ...sockets].join("\n"));
      const [own, ...keys] = stdout.trimEnd().split("\n");
      expect(own).toMatch(new RegExp(`^${lab.path("runtime/muxguard/")}`));
      expect(keys).toEqual(["me@laptop", "me@laptop", "me@laptop"]);
      // outside each of the two is an agent without a key
      expect((await lab.run("/bin/sh", ["-c", list(lab.path("loose.sock"))])).stdout).not.toContain("me@");
    });

    it("whose keys a rule gives to one program, and to no other", async () => {
      const git = `git ls-remote ssh://${HOST}/nowhere; echo $?`;
      const environment = `GIT_SSH_COMMAND="ssh -F ${lab.sshConfig} -o ControlPath=none -v"`;
      const { result, events } = await lab.logged(() => confined(`${environment} ${git}`));
      expect(result.stderr).toContain("Authenticated to");
      expect(events.map(({ kind, decision, rule }) => `${decision} ${kind} ${rule}`)).toContain(
        'allow sign this program',
      );
      const plain = await lab.logged(() => confined(`ssh -F ${lab.sshConfig} -o ControlPath=none ${HOST} true`));
      expect(plain.result.code).toBe(255);
      expect(plain.events.map(({ decision }) => decision)).toEqual(["deny"]);
    });

    it("to which no program passes for another by a path of its own", async () => {
      // in the run's own /tmp there may be any file: what is there outside is another one, or none
      const folder = "/tmp/muxguard-0-own";
      const line = `mkdir ${folder}; cp /usr/bin/ssh ${folder}/git; ${folder}/git -F ${lab.sshConfig} -o ControlPath=none ${HOST} true; echo $?`;
      const { result, events } = await lab.logged(() => confined(line));
      expect(result.stdout).toBe("255\n");
      const asked = events.filter(({ kind }) => kind === "sign");
      expect(asked.map(({ decision }) => decision)).toEqual(["deny"]);
    });

    it("and can neither approve, nor steer the guard", async () => {
      const daemon = lab.path("runtime/muxguard/daemon.sock");
      const { stdout } = await confined(`ls ${daemon}; ${process.execPath} ${lab.program} status; echo $?`);
      expect(stdout).not.toContain("daemon.sock");
      expect(stdout).not.toContain("runs");
    });
  });
});
