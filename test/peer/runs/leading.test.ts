/**
 * A run whose ssh_config names the agent with the keys itself. Everything is denied: what logs in has gone past
 * the guard.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Lab } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";

const SSH = execFileSync("/bin/sh", ["-c", "command -v ssh"], { encoding: "utf8" }).trim();

describeWith(["ssh", "sshd", "git", "rsync"], "a run whose ssh_config names another agent", () => {
  const lab = new Lab();
  const config = `-F ${lab.sshConfig}`;

  beforeAll(async () => {
    const key = lab.key("work");
    const upstream = await lab.startAgent("upstream.sock", key);
    lab.host("*.example", [`IdentityAgent ${upstream}`, "IdentityFile none"]);
    for (const name of ["alpha.example", "beta.example"]) await lab.startServer(name, key);
    lab.environment.HOME = lab.folder;
    lab.policy('default = "deny"\n');
  });
  afterAll(() => lab.close());

  const inRun = (line: string) => lab.logged(() => lab.muxguard("run", "--", "/bin/sh", "-c", line));
  const denied = (host: string) => expect.objectContaining({ kind: "sign", decision: "deny", host });

  it.each([
    ["ssh", `ssh ${config} alpha.example echo in`],
    ["ssh with an agent of its own words", `ssh -o IdentityAgent=$UPSTREAM ${config} alpha.example echo in`],
    [
      "ssh with another configuration",
      `ssh ${config} -o IdentityAgent=none -F ${lab.sshConfig} alpha.example echo in`,
    ],
    ["scp", `scp ${config} alpha.example:/etc/hostname copy`],
    ["sftp", `echo pwd | sftp ${config} alpha.example`],
    ["rsync", `rsync -e "ssh ${config}" alpha.example:/etc/hostname copy`],
    ["rsync by RSYNC_RSH", `RSYNC_RSH="ssh ${config}" rsync alpha.example:/etc/hostname copy`],
    ["git by core.sshCommand", `git -c core.sshCommand="ssh ${config}" ls-remote alpha.example:repo`],
    ["a shell that makes PATH anew", `PATH=/usr/bin:/bin; $RSYNC_RSH ${config} alpha.example echo in`],
  ])("leads %s to the guard", async (_, line) => {
    const { result, events } = await inRun(`UPSTREAM=${lab.path("upstream.sock")}; ${line}`);
    expect(result.code).not.toBe(0);
    expect(events).toContainEqual(denied("alpha.example"));
  });

  it.each([
    ["GIT_SSH_COMMAND", "git ls-remote alpha.example:repo"],
    ["RSYNC_RSH", "rsync alpha.example:/etc/hostname copy"],
  ])("leads an ssh that %s names by its full path, with its options", async (name, line) => {
    lab.environment[name] = `${SSH} ${config} -o SetEnv=LC_A=b`;
    const { events } = await inRun(line);
    delete lab.environment[name];
    expect(events).toContainEqual(denied("alpha.example"));
    expect(events[0]?.caller?.cmdline).toEqual(
      expect.arrayContaining(["-F", lab.sshConfig, "SetEnv=LC_A=b"]),
    );
  });

  it("leads GIT_SSH by its full path", async () => {
    lab.environment.GIT_SSH = lab.script("usual", `#!/bin/sh\nexec ssh ${config} "$@"\n`);
    const { events } = await inRun("git ls-remote alpha.example:repo");
    delete lab.environment.GIT_SSH;
    expect(events).toContainEqual(denied("alpha.example"));
  });

  it("leads the ssh that ssh makes for a jump host", async () => {
    const { events } = await inRun(`ssh ${config} -J beta.example alpha.example echo in`);
    expect(events).toContainEqual(denied("beta.example"));
  });

  it("is decided by its own guard where it is inside of another run, which allows", async () => {
    const allow = lab.path("allow.toml");
    writeFileSync(allow, 'default = "allow"\n', { mode: 0o600 });
    const inner = `"${process.execPath}" bin/muxguard run --scope inner -- ssh ${config} alpha.example echo in`;
    const line = `cd ${JSON.stringify(process.cwd())}; ${inner}`;
    const { result, events } = await lab.logged(() =>
      lab.muxguard("run", "--scope", "outer", "--policy", allow, "--", "/bin/sh", "-c", line),
    );
    expect(result.stdout).toBe("");
    expect(events).toContainEqual(denied("alpha.example"));
  });

  it("asks about what was typed, without the option that leads ssh", async () => {
    lab.policy('default = "ask"\n');
    const asked = lab.script("ask", `#!/bin/sh\nprintf '%s' "$1" > ${lab.path("asked")}\nexit 1\n`);
    lab.config('approvers = ["askpass"]\n');
    Object.assign(lab.environment, { SSH_ASKPASS: asked, SSH_ASKPASS_REQUIRE: "force" });
    await lab.guardedSsh("alpha.example", "echo in");
    const question = execFileSync("cat", [lab.path("asked")], { encoding: "utf8" });
    lab.policy('default = "deny"\n');
    lab.config("");
    expect(question.replace(/\s+/g, " ")).toContain(`"ssh -F ${lab.sshConfig} alpha.example`);
    expect(question).not.toContain("IdentityAgent");
  });

  it("can't lead an ssh that is called by its full path, and says so once a day, status always", async () => {
    const line = `${SSH} ${config} alpha.example echo in`;
    const state = lab.path("state/muxguard/told.json");
    writeFileSync(state, "{}", { mode: 0o600 });
    const said = expect.stringMatching(
      /^muxguard: not guarded: .*ssh_config:\d+: IdentityAgent .*upstream_agent = /,
    );
    const first = await lab.muxguard("run", "--", "/bin/sh", "-c", line);
    expect(first).toMatchObject({ stdout: "in\n", stderr: said });
    expect((await lab.muxguard("run", "--", "true")).stderr).toBe("");
    const { stdout } = await lab.muxguard("status");
    expect(stdout).toMatch(/^unguarded {2}.*IdentityAgent/m);
  });

  it("can't lead an ssh that core.sshCommand calls by its full path, and says which line that is", async () => {
    const file = lab.path("gitconfig");
    writeFileSync(file, `[core]\n\tsshCommand = ${SSH} ${config} -v\n`);
    lab.environment.GIT_CONFIG_GLOBAL = file;
    writeFileSync(lab.path("state/muxguard/told.json"), "{}", { mode: 0o600 });
    const { result, events } = await inRun("git ls-remote alpha.example:repo");
    const { stdout } = await lab.muxguard("status");
    delete lab.environment.GIT_CONFIG_GLOBAL;
    expect(result.stderr).toContain("Authenticated to"); // so there is something to tell of
    expect(events).toEqual([]);
    expect(result.stderr).toMatch(/^muxguard: not guarded: \S*gitconfig:2: core\.sshCommand calls ssh /m);
    expect(stdout).toMatch(/^unguarded {2}.*gitconfig:2: core\.sshCommand/m);
  });
});
