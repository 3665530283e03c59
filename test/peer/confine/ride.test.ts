/** A ride in a confined run: whatever starts ssh rides, without the network too. */
import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfinedLab } from "../../../lab/confined-lab.ts";
import { HOST } from "../../../lab/mux-lab.ts";
import { describeWith } from "../tools.ts";

const RULES = `default = "deny"
[[rule]]
on = ["connect", "sign"]
host = "${HOST}"
action = "allow"
[[rule]]
on = ["session"]
host = "${HOST}"
scope = "work"
action = "allow"
`;

describe.each([
  ["with a daemon", true],
  ["with a guard of its own", false],
])("a confined ride %s", (_, hasDaemon) => {
  describeWith(["bwrap", "ssh", "sshd", "git"], "rides", () => {
    const lab = new ConfinedLab({ hasDaemon });
    const ride = (line: string) =>
      lab.muxguard("run", "--ride", "--scope", "work", "--", "/bin/sh", "-c", line);
    beforeAll(async () => {
      lab.policy(RULES);
      lab.settings("[scope.work]\nnetwork = false\n");
      await lab.open();
    });
    afterAll(() => lab.close());

    it("with ssh by its full path, as by its name: exit code, streams, one login", async () => {
      const logins = lab.logins();
      const line = `echo in | /usr/bin/ssh ${HOST} 'cat; exit 7'; echo $?; ssh ${HOST} exit 3; echo $?`;
      expect(await ride(line)).toEqual({ code: 0, signal: null, stdout: "in\n7\n3\n", stderr: "" });
      expect(lab.logins()).toBe(logins + 1);
    });

    it("with scp, sftp and git, which start /usr/bin/ssh by themselves", async () => {
      writeFileSync(lab.path("sent"), "text");
      const repository = lab.path(`repository-${hasDaemon}`);
      const git = `git init -q --bare ${repository}; git ls-remote ssh://${HOST}${repository}; echo git $?`;
      const line = [
        `/usr/bin/scp -q ${lab.path("sent")} ${HOST}:${lab.path("received")}; echo scp $?; cat ${lab.path("received")}`,
        `echo; echo ls ${lab.path("sent")} | /usr/bin/sftp -q -b - ${HOST} >/dev/null; echo sftp $?`,
        `export PATH=/usr/bin:/bin; unset GIT_SSH_COMMAND; ${git}`,
      ].join("\n");
      const { stdout, stderr } = await ride(line);
      expect(stdout, stderr).toBe("scp 0\ntext\nsftp 0\ngit 0\n");
    });

    it("and has no network, and no agent but the run's by any path, which signs for git alone", async () => {
      const line = `tail -n +3 /proc/self/net/dev | cut -d: -f1 | tr -d ' '; echo "agent $SSH_AUTH_SOCK"; SSH_AUTH_SOCK=${lab.path("upstream.sock")} ssh-add -l`;
      const { stdout } = await ride(line);
      expect(stdout).toMatch(/^lo\nagent \S+\.sock\nThe agent has no identities\.\n$/);
    });

    it("and can't change its ssh", async () => {
      const line = `for f in $(command -v ssh) /usr/bin/ssh; do (echo >> $f) 2>/dev/null && echo wrote $f; done; echo done`;
      expect((await ride(line)).stdout).toBe("done\n");
    });
  });
});
