/** The same at several hosts at once, as Ansible does it. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { finished, Lab, type Result, until } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";

const hosts = Array.from({ length: 20 }, (_, n) => `web${n + 1}.example`).sort();

describeWith(["ssh", "sshd"], "logins at several hosts that come together", () => {
  const lab = new Lab();
  const key = lab.key("work");

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", key);
    const config = [`SetEnv HOME=${lab.folder}`]; // without anybody's start-up files, which may take long
    await Promise.all(hosts.map((host) => lab.startServer(host, key, { config })));
    await lab.startDaemon();
  });
  afterEach(() => lab.muxguard("forget", "--all"));
  afterAll(() => lab.close());

  /**
   * Each waits for the others once it has the server's host key: on a slow machine the way there takes twenty of
   * them longer than questions are gathered.
   */
  async function start(): Promise<{ logins: Promise<Result> }> {
    const env = { ...lab.environment, SSH_AUTH_SOCK: lab.agentSocket };
    const [folder, go] = [lab.path("arrived"), lab.path("go")];
    for (const path of [folder, go]) rmSync(path, { recursive: true, force: true });
    mkdirSync(folder);
    // with nobody left who says so, it ends by itself
    const waits = `[ -d ${folder} ] && ! [ -e ${go} ] && [ $((n += 1)) -lt 3000 ]`;
    const wait = `: > ${folder}/$$; n=0; while ${waits}; do sleep 0.02; done`;
    const barrier = lab.script("barrier", `#!/bin/sh\n[ "$1" = HOSTNAME ] || exit 0\n${wait}\n`);
    const ssh = `ssh -F ${lab.sshConfig} -o KnownHostsCommand="${barrier} %I"`;
    const all = hosts.map((host) => `${ssh} ${host} echo ${host} &`).join("\n");
    const logins = finished(lab.start("/bin/sh", ["-c", `${all}\nwait`], { env, detached: true }));
    await until(() => readdirSync(folder).length === hosts.length, "all of them");
    writeFileSync(go, "");
    return { logins };
  }

  /** Once all of them are in it. */
  async function gathered() {
    await until(async () => (await lab.pending())[0]?.hosts?.length === hosts.length, "all hosts");
    return lab.pending();
  }

  it("are one question, answered for all", async () => {
    const { logins } = await start();
    const [question, ...more] = await gathered();
    expect(question?.hosts?.map(({ name }) => name).sort()).toEqual(hosts);
    expect(more).toEqual([]);
    const { stdout: pending } = await lab.muxguard("pending");
    expect(pending).toContain("log in to 20 hosts as ");
    expect(pending).toMatch(/^\w+ {2}.* → 20 hosts as .*\?\n/);
    const { events } = await lab.logged(async () => {
      const { stdout } = await lab.muxguard("approve", question?.id ?? "", "--once");
      expect(stdout).toMatch(/^allowed once: log in to 20 hosts as /);
      expect((await logins).stdout.trim().split("\n").sort()).toEqual(hosts);
    });
    expect(events.map(({ host }) => host).sort()).toEqual(hosts);
    expect(new Set(events.map(({ id }) => id)).size).toBe(hosts.length);
  });

  it("are picked apart by --host", async () => {
    const { logins } = await start();
    const [question] = await gathered();
    const id = question?.id ?? "";
    const { events } = await lab.logged(async () => {
      const denied = await lab.muxguard("deny", id, "--host", "web2.example");
      expect(denied.stdout).toMatch(/^denied: log in to web2\.example as /);
      await until(async () => (await lab.pending())[0]?.hosts?.length === 19, "the others");
      const other = await lab.muxguard("approve", id, "--host", "web99.example");
      expect(other.code).toBe(1);
      expect(other.stderr).toMatch(
        new RegExp(`^muxguard: question ${id} lists no web99\\.example; it lists web\\d+\\.example, web`),
      );
      await lab.muxguard("approve", id, "--once");
      const allowed = hosts.filter((host) => host !== "web2.example");
      expect((await logins).stdout.trim().split("\n").sort()).toEqual(allowed);
    });
    expect(events.find(({ host }) => host === "web2.example")).toMatchObject({ decision: "deny" });
  });
});
