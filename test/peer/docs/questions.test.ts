/** What people are usually asked, brought about by the programs that they use: docs/questions.md has it so. */
import { userInfo } from "node:os";
import { afterAll, beforeAll, expect, it } from "vitest";
import { freePort } from "../../../lab/lab.ts";
import { describeWith, PYTHON } from "../tools.ts";
import { UsualDesk } from "./usual-desk.ts";

const user = userInfo().username;

/** What stands for a coding agent: it pushes by itself. */
const AGENT = `#!/usr/bin/env node
require("node:child_process").spawnSync("git", ["push", "origin", "main"], { stdio: "inherit" });
`;

/** Does not say where it logs in. */
const BACKUP = `import paramiko, sys
client = paramiko.SSHClient()
client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
client.connect("127.0.0.1", int(sys.stdin.read()))
`;

describeWith(
  ["ssh", "sshd", "tmux", "git", "rsync", "bus"],
  "a usual question is shown as documented",
  () => {
    const desk = new UsualDesk();
    const { lab, ssh } = desk;

    beforeAll(async () => {
      const shared = ["github.com", "prod-db", "prod-web"];
      await desk.open([...shared, "bastion", "db", "build", "staging"], shared);
      lab.script("bin/claude", AGENT);
      desk.sh(`git init -q --bare -b main me/site.git; cd src/site
      git remote add origin github.com:${lab.path("me/site.git")}; git commit -q --allow-empty -m first`);
    });
    afterAll(() => desk.close());

    it("of an agent's git push, also on the terminal of its run", async () => {
      const done = desk.run("muxguard run --scope claude -- claude");
      const shown = await desk.asked();
      desk.expectUsual("git push by an agent, in a run", shown);
      expect(shown.terminal[0]).toMatch(/^muxguard: git "push" → github\.com as /);
      await desk.allow(shown);
      expect(await done).toBe(0);
      desk.sh("cd src/site; git commit -q --allow-empty -m second");
      const over = `GIT_SSH_COMMAND="${ssh} -S ${lab.controlPath("github.com")}"`;
      const run = `${over} muxguard run --scope claude -- claude`;
      expect(await desk.allowed("the same over a shared connection", run)).toBe(0);
      desk.sh('test "$(git -C me/site.git log --format=%s -1 main)" = second');
    });

    it.each([
      ["a login at a prompt", "a login (ssh HOST)", "staging"],
      ["a shell over a shared connection", "a shell over a shared connection", "prod-web"],
    ])("of %s", async (_, name, host) => {
      const done = desk.run(`${ssh} ${host}`);
      const shown = await desk.asked();
      desk.expectUsual(name, shown);
      await desk.deny(shown);
      expect(await done).toBe(255);
    });

    it("of a login over a forwarded agent, with its path", async () => {
      const done = desk.run(`echo "${ssh} db echo arrived" | ${ssh} -A bastion`);
      const first = await desk.asked();
      expect(first.title).toBe(`ssh → bastion as ${user}?`);
      await desk.allow(first);
      const second = await desk.asked();
      desk.expectUsual("a login over a forwarded agent (ssh -A)", second);
      await desk.allow(second);
      expect(await done).toBe(0);
      expect(desk.pane()).toMatch(/^arrived$/m);
    });

    it("of a login to a host that known_hosts does not have", async () => {
      await desk.startHost("new-box", "no");
      const line = `echo exit | ${ssh} new-box`;
      expect(await desk.allowed("a login to a host that is not in known_hosts", line)).toBe(0);
    });

    it("of a tunnel, and of the session that comes with it", async () => {
      const port = await freePort();
      const done = desk.run(`${ssh} -L ${port}:db.internal:5432 prod-db`);
      const tunnel = await desk.asked();
      await desk.allow(tunnel);
      const session = await desk.asked();
      expect(session.title).toBe(`ssh: a shell → prod-db as ${user}?`);
      await desk.deny(session);
      expect(await done).toBe(255);
    });

    it("of a jump, rsync and sftp over a shared connection", async () => {
      // nobody knows such a host
      expect(await desk.allowed("a jump (ssh -W)", `${ssh} -W db.internal:22 prod-db`)).toBe(255);
      expect(await desk.allowed("rsync over a shared connection", "rsync -a ./ prod-db:site/")).toBe(0);
      const sftp = `echo ls | sftp -F ${lab.sshConfig} prod-db`;
      expect(await desk.allowed("sftp over a shared connection", sftp)).toBe(0);
    });

    it("of a signature of git", async () => {
      desk.sh("cd src/site; echo text > page; git add page");
      expect(await desk.allowed("a signed commit", 'git commit -S -m "Mend the footer"')).toBe(0);
      desk.sh("git -C src/site cat-file commit HEAD | grep -q 'BEGIN SSH SIGNATURE'");
    });

    it("of a connection that the guard is to open", async () => {
      expect(await desk.allowed("muxguard open", "muxguard open build")).toBe(0);
    });

    it("of ssh-agent, for a key that was added with -c", async () => {
      const socket = `SSH_AUTH_SOCK=${lab.path("confirming.sock")}`;
      const asking = "SSH_ASKPASS=muxguard-askpass SSH_ASKPASS_REQUIRE=force";
      await desk.run(`${asking} ssh-agent -a ${lab.path("confirming.sock")}`);
      desk.endLast(Number(/SSH_AGENT_PID=(\d+)/.exec(desk.pane())?.[1]));
      expect(await desk.run(`${socket} ssh-add -c ${desk.key}`)).toBe(0);
      const line = `echo exit | ${socket} ${ssh} bastion`;
      expect(await desk.allowed("ssh-add -c, asked by ssh-agent", line)).toBe(0);
    });

    describeWith(["paramiko"], "of a program", () => {
      it("that proves no host", async () => {
        lab.script("src/site/backup.py", BACKUP);
        const port = `sed -n '/^Host staging$/,/Port/s/ *Port //p' ${lab.sshConfig}`;
        const line = `${port} | ${PYTHON} backup.py`;
        expect(await desk.allowed("a login by a program that proves no host (paramiko)", line)).toBe(0);
      });
    });
  },
);
