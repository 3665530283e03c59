/**
 * `muxguard run --ride`: real programs that have no connection of their own. With a daemon, and with a guard
 * of the run's own.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../../../lab/lab.ts";
import { HOST } from "../../../lab/mux-lab.ts";
import { OpenLab } from "../../../lab/open-lab.ts";
import { describeWith } from "../tools.ts";

const RULES = `default = "deny"
[[rule]]
on = ["connect", "sign"]
host = "${HOST}"
action = "allow"
[[rule]]
name = "this run"
on = ["session", "forward"]
host = "${HOST}"
scope = "work"
action = "allow"
`;

describe.each([
  ["with a daemon", true],
  ["with a guard of its own", false],
])("a ride %s", (_, hasDaemon) => {
  describeWith(["ssh", "sshd", "git", "rsync"], "is a ride for", () => {
    const lab = new OpenLab({ hasDaemon });
    const ride = (line: string) => lab.ride(line, "--scope", "work");
    beforeAll(async () => {
      lab.policy(RULES);
      await lab.open();
    });
    afterAll(() => lab.close());

    it("ssh: its exit code, its streams byte for byte, and one login for all", async () => {
      const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, at) => (at * 7) % 256));
      writeFileSync(lab.path("in"), bytes);
      const logins = lab.logins();
      const line = `ssh ${HOST} 'cat; echo said >&2; exit 7' < in > out; echo $?; ssh ${HOST} exit 3 || echo $?`;
      expect(await ride(line)).toEqual({ code: 0, signal: null, stdout: "7\n3\n", stderr: "said\n" });
      expect(readFileSync(lab.path("out")).equals(bytes)).toBe(true);
      expect(lab.logins()).toBe(logins + 1);
    });

    it("a command whose agent is the run's own, and that finds ssh, scp and sftp first in its PATH", async () => {
      const { stdout } = await ride('echo "$SSH_AUTH_SOCK"; for p in ssh scp sftp; do command -v $p; done');
      const [agent, ...programs] = stdout.trimEnd().split("\n");
      for (const program of [agent, ...programs])
        expect(program?.startsWith(lab.path("runtime/muxguard/"))).toBe(true);
      expect(programs).toHaveLength(3);
    });

    it("a PATH with folders that can't be read", async () => {
      mkdirSync(lab.path("closed"), { mode: 0o000 });
      const environment = { PATH: `${lab.path("closed")}:${process.env.PATH}` };
      const command = ["run", "--ride", "--no-confine", "--scope", "work", "--", "ssh", HOST, "echo in"];
      const result = await lab.run(process.execPath, [lab.program, ...command], { environment });
      expect(result).toMatchObject({ code: 0, stdout: "in\n", stderr: "" });
    });

    it("scp, in its new way and its old one", async () => {
      writeFileSync(lab.path("file"), "content\n");
      const to = (name: string): string => `${HOST}:${lab.path(name)}`;
      const line = `scp -q file ${to("copy")} && scp -q -O file ${to("old")} && scp -q ${to("copy")} back`;
      expect(await ride(line)).toMatchObject({ code: 0, stderr: "" });
      for (const name of ["copy", "old", "back"])
        expect(readFileSync(lab.path(name), "utf8")).toBe("content\n");
    });

    it("sftp", async () => {
      writeFileSync(lab.path("file"), "content\n");
      const line = `printf 'put file ${lab.path("put")}\\nget ${lab.path("put")} got\\n' | sftp -q -b - ${HOST}`;
      expect(await ride(line)).toMatchObject({ code: 0, stderr: "" });
      expect(readFileSync(lab.path("got"), "utf8")).toBe("content\n");
    });

    it("rsync", async () => {
      writeFileSync(lab.path("file"), "content\n");
      expect(await ride(`rsync -t file ${HOST}:${lab.path("synced")}`)).toMatchObject({
        code: 0,
        stderr: "",
      });
      expect(readFileSync(lab.path("synced"), "utf8")).toBe("content\n");
    });

    it("git: clone, push and fetch, whatever ssh it is configured to use", async () => {
      const line = `
        export GIT_CONFIG_GLOBAL=${lab.path("gitconfig")} GIT_CONFIG_NOSYSTEM=1
        git config --global user.name Me && git config --global user.email me@example
        git config --global core.sshCommand 'touch marker; false'
        git init -q --bare store.git && git clone -q ${HOST}:${lab.path("store.git")} clone 2>/dev/null
        cd clone && git checkout -q -b main && git commit -q --allow-empty -m first && git push -q origin main
        git fetch -q && git log --format=%s origin/main`;
      expect(await ride(line)).toEqual({ code: 0, signal: null, stdout: "first\n", stderr: "" });
      expect(existsSync(lab.path("clone/marker"))).toBe(false);
    });

    it("what is about ssh alone: its version, its configuration", async () => {
      const { code, stdout, stderr } = await ride(`ssh -V && ssh -F ssh_config -G ${HOST} | grep ^port`);
      expect({ code, stdout }).toEqual({ code: 0, stdout: `port ${lab.port}\n` });
      expect(stderr).toMatch(/^OpenSSH_/);
    });

    it("the policy that holds for its sessions: the run's scope, and a file of its own", async () => {
      const other = await lab.ride(`ssh ${HOST} true`, "--scope", "other");
      expect(other.code).toBe(255);
      expect(other.stderr).toMatch(/^muxguard: denied: run "true" on prod\.example .*no rule allows it\)\n$/);
      const rules = [`on = ["connect", "sign"]`, `on = ["session"]\ncommand = "id -u"`];
      const text = rules.map((rule) => `[[rule]]\n${rule}\naction = "allow"\n`).join("");
      writeFileSync(lab.path("other.toml"), `default = "deny"\n${text}`);
      const { stdout, stderr } = await lab.ride(
        `ssh ${HOST} id -u; ssh ${HOST} id; echo $?`,
        "--policy",
        "other.toml",
      );
      expect(stdout).toMatch(/^\d+\n255\n$/);
      expect(stderr).toMatch(/^muxguard: denied: run "id" on/);
    });

    it("nothing that is left behind", async () => {
      await ride(`ssh ${HOST} true`);
      const kept = hasDaemon ? ["agent.sock", "control", "daemon.sock"] : [];
      await until(
        () => readdirSync(lab.path("runtime/muxguard")).join() === kept.join(),
        () => `the end of ${readdirSync(lab.path("runtime/muxguard"))}`,
      );
      // a daemon keeps the connection for the next run
      await until(() => lab.masters().length === (hasDaemon ? 1 : 0), "the masters that are left");
      if (!hasDaemon) return;
      expect((await lab.muxguard("status")).stdout).toContain(
        `connection to ${HOST} (opened, pid ${lab.masters()})\n`,
      );
      expect(await lab.muxguard("close", HOST)).toMatchObject({ code: 0, stdout: `closed: ${HOST}\n` });
      await until(() => lab.masters().length === 0, "the master's end");
    });
  });
});
