/** `muxguard run --confine`: a command as it would be without, and what it does not find. Real bubblewrap. */
import { execFileSync } from "node:child_process";
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ConfinedLab } from "../../../lab/confined-lab.ts";
import { ended, finished, firstWords, until } from "../../../lab/processes.ts";
import { MUXGUARD } from "../../../lab/programs.ts";
import { describeWith } from "../tools.ts";

describeWith(["bwrap", "ssh"], "a confined command", () => {
  const lab = new ConfinedLab({ hasDaemon: false });
  beforeAll(() => {
    mkdirSync(join(lab.home, ".ssh"), { mode: 0o700 });
    const named = (name: string): string => JSON.stringify([lab.path(name)]);
    const fields = [
      `hide = ${named("hidden")}`,
      `read_only = ${named("fixed")}`,
      `writable = ${named("fixed/a")}`,
    ];
    lab.settings(["[scope.narrow]", "confine = true", "network = false", ...fields, ""].join("\n"));
  });
  afterAll(() => lab.close());

  it("has its exit code, its streams and its working folder", async () => {
    const line = "cat; echo said >&2; pwd; exit 7";
    const child = lab.startConfined(line, { stdio: ["pipe", "pipe", "pipe"] });
    child.stdin?.end("typed\n");
    const stdout = `typed\n${lab.folder}\n`;
    expect(await finished(child)).toEqual({ code: 7, signal: null, stdout, stderr: "said\n" });
  });

  it("ends with 128 and the number of the signal that ended it", async () => {
    expect(await lab.confined("kill -TERM $$")).toMatchObject({ code: 143 });
    expect(await lab.confined("kill -KILL $$")).toMatchObject({ code: 137 });
  });

  it("that is not there is not found; one that can't be run is told of", async () => {
    const run = (name: string) => lab.muxguard("run", "--confine", "--", name);
    expect(await run("no-such-program")).toMatchObject({ code: 127 });
    writeFileSync(lab.path("no-program"), "", { mode: 0o600 });
    expect(await run(lab.path("no-program"))).toMatchObject({ code: 126 });
  });

  it("hears of the signals that muxguard gets", async () => {
    const child = lab.startConfined("trap 'echo heard; exit 3' TERM; echo ready; while :; do sleep 1; done");
    const said = finished(child);
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    child.kill("SIGTERM");
    expect(await said).toMatchObject({ code: 3, stdout: expect.stringContaining("heard") });
  });

  it("ends with muxguard, however that ends", async () => {
    const alive = lab.path("alive");
    execFileSync("mkfifo", [alive]);
    const child = lab.startConfined(`exec 9<>${alive}; echo ready; exec sleep 1000`);
    await firstWords(child);
    child.kill("SIGKILL");
    await ended(child);
    await until(() => isReadByNobody(alive), "the end of the confined command");
  });

  it("finds no private key, whatever its name, and keeps what is public", async () => {
    const folder = join(lab.home, ".ssh");
    for (const name of ["id_ed25519", "work", "config"])
      execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(folder, name)]);
    writeFileSync(join(folder, "known_hosts"), "");
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", lab.path("named.key")]);
    lab.host("elsewhere", [`IdentityFile ${lab.path("named.key")}`]);
    const line = `ls ${folder}; cat ${lab.path("named.key")} 2>/dev/null || echo none`;
    const { stdout } = await lab.confined(line);
    expect(stdout.split("\n").sort()).toEqual(
      ["", "config.pub", "id_ed25519.pub", "known_hosts", "none", "work.pub"].sort(),
    );
    expect(readFileSync(lab.path("named.key"), "utf8")).toContain("PRIVATE KEY");
  });

  it("can't write what others start by, whether it is there or not, and leaves none of it behind", async () => {
    writeFileSync(join(lab.home, ".zshrc"), "mine\n");
    const names = [".bashrc", ".bash_profile", ".zshrc", ".gitconfig", ".ssh/rc", ".ssh/authorized_keys"];
    const tries = names.map((name) => `(echo evil >> ~/${name}) 2>/dev/null && echo wrote ${name}`);
    const moves = [
      "mv ~/.ssh ~/old",
      "rm ~/.bashrc",
      "mv ~ ~.old",
      `mv ${lab.path("config")} ${lab.path("c2")}`,
    ];
    const { stdout } = await lab.confined(
      [...tries, ...moves.map((move) => `${move} 2>/dev/null && echo did: ${move}`), "echo done"].join("\n"),
    );
    expect(stdout).toBe("done\n");
    expect(readFileSync(join(lab.home, ".zshrc"), "utf8")).toBe("mine\n");
    expect(readdirSync(lab.home).sort()).toEqual([".ssh", ".zshrc"]);
  });

  it("can't write muxguard's settings, state or program", async () => {
    const files = [
      "config/muxguard/policy.toml",
      "config/muxguard/policy.d/x.toml",
      "config/muxguard/config.toml",
    ];
    const paths = [...files.map((name) => lab.path(name)), MUXGUARD, lab.sshConfig, lab.knownHosts];
    const tries = paths.map((path) => `(echo evil >> ${path}) 2>/dev/null && echo wrote ${path}`);
    const { stdout } = await lab.confined([...tries, `ls ${lab.path("state/muxguard")}`].join("\n"));
    expect(stdout).toBe("");
    expect(existsSync(lab.path("state/muxguard"))).toBe(true);
  });

  it("has a folder for temporary files of its own, and of the runtime folder what is its run's", async () => {
    const agent = await lab.startAgent("runtime/other.sock");
    const { stdout } = await lab.confined(
      "ls -A $XDG_RUNTIME_DIR; ls -d /tmp/ssh-* /tmp/.X11-unix; echo x > /tmp/$$-new",
    );
    expect(stdout).toBe("muxguard\nother.sock\n"); // which leads to the run's
    expect(readdirSync("/tmp").some((name) => name.endsWith("-new"))).toBe(false);
    const list = await lab.confined(`SSH_AUTH_SOCK=${agent} ssh-add -l; ls $XDG_RUNTIME_DIR/muxguard`);
    expect(list.stdout).toMatch(/^run-\d+\S*\n$/m);
    delete lab.environment.SSH_AUTH_SOCK;
  });

  it("may make no mounts, and no namespaces in which it could", async () => {
    const { stdout } = await lab.confined("umount /tmp && echo out; unshare -Ur true && echo in; echo done");
    expect(stdout).toBe("done\n");
    const bare = await lab.run("unshare", ["-Ur", "true"]);
    expect(bare.code).toBe(0); // so there was something to keep from it
  });

  it("sees no process of the outside, and no other terminal", async () => {
    const { stdout } = await lab.confined(`ls -d /proc/${process.pid}; ls /dev/pts; ps -e | wc -l`);
    expect(stdout.trim().split("\n").at(-1)?.trim()).toMatch(/^\d$/);
    expect(stdout).not.toContain("/proc/");
  });

  it("gets no descriptor but stdin, stdout and stderr, and none that leads out", async () => {
    const open = `exec 7</ 200</; exec "$0" "$@"`;
    const run = [process.execPath, MUXGUARD, "run", "--confine", "--", "ls", "/proc/self/fd"];
    const { stdout } = await lab.run("/bin/bash", ["-c", open, ...run]);
    expect(stdout).toBe("0\n1\n2\n3\n"); // 3 is ls's own
    const refused = await lab.run("/bin/bash", ["-c", `exec </; exec "$0" "$@"`, ...run]);
    expect(refused).toMatchObject({ code: 126, stdout: "" });
    expect(refused.stderr).toMatch(/^muxguard: this run can't be confined: stdin is a folder/);
  });

  it("finds no more than its scope says, and writes to no more", async () => {
    for (const name of ["hidden", "fixed/a"]) {
      mkdirSync(lab.path(name), { recursive: true });
      writeFileSync(lab.path(`${name}/file`), "text");
    }
    const writes = ["fixed", "fixed/a"].map((name) => `echo > ${name}/new && echo ${name}`);
    const line = ["ls -A hidden", ...writes, "echo done"].join("\n");
    const command = ["run", "--scope", "narrow", "--", "/bin/sh", "-c", line];
    const { stdout } = await lab.muxguard(...command);
    expect(stdout).toBe("fixed/a\ndone\n");
    expect(existsSync(lab.path("fixed/a/new"))).toBe(true);
  });

  it("has no network but its own, where its scope says so", async () => {
    const line = "cat /proc/self/net/dev | tail -n +3 | cut -d: -f1";
    const { stdout } = await lab.muxguard("run", "--scope", "narrow", "--", "/bin/sh", "-c", line);
    expect(stdout.trim()).toBe("lo");
  });

  it("is shown what it would find by --show, which starts nothing", async () => {
    const { stdout, code } = await lab.confined(`echo > ${lab.path("started")}`, "--show");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^hidden:\n(?: {2}.*\n)* {2}\S*\/runtime {2}\(session\)$/m);
    expect(stdout).toMatch(/^read-only:\n(?: {2}.*\n)* {2}\S*\/config\/muxguard /m);
    expect(existsSync(lab.path("started"))).toBe(false);
  });

  it("is not started where bubblewrap is not there, and the mend is told", async () => {
    const without = ["--dev-bind", "/", "/", "--ro-bind", "/dev/null", "/usr/bin/bwrap"];
    const run = [process.execPath, MUXGUARD, "run", "--confine", "--", "echo", "started"];
    const { code, stdout, stderr } = await lab.run("bwrap", [...without, ...run]);
    expect({ code, stdout }).toEqual({ code: 126, stdout: "" });
    expect(stderr).toContain("apt install bubblewrap");
  });

  it("is not started inside of another that may make no namespaces", async () => {
    const { stdout, stderr } = await lab.confined(
      `${process.execPath} ${MUXGUARD} run --confine -- echo started; echo $?`,
    );
    expect(stdout).toBe("126\n");
    expect(stderr).toContain("--no-confine starts it without");
  });
});

/** fifo(7): for writing alone it can't be opened then. */
function isReadByNobody(fifo: string): boolean {
  try {
    closeSync(openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK));
    return false;
  } catch {
    return true;
  }
}
