/** Passwords and user names that git and sudo want, and passphrases on a terminal. */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ASKPASS, AskpassLab } from "../../../lab/askpass-lab.ts";
import { GitServer } from "../../../lab/servers/git-server.ts";
import { Pty } from "../../../lab/terminal/pty.ts";
import { copyProgram } from "../../../lab/users/program-copy.ts";
import { describeAsRoot, describeWith } from "../tools.ts";

const SECRET = GitServer.PASSWORD;

describeWith(["ssh", "python"], "a passphrase that is asked for on the terminal", () => {
  const lab = new AskpassLab();
  beforeAll(() => lab.startAgent());
  afterAll(() => lab.close());

  it("is not shown, and unlocks the key", async () => {
    const key = lab.key("locked", "-N", SECRET);
    const terminal = new Pty(lab, "ssh-add", key);
    await terminal.shows(`Enter passphrase for ${key}:`);
    terminal.type(`${SECRET}\r`);
    expect(await terminal.end()).toBe(0);
    expect(terminal.text).toContain(`Identity added: ${key}`);
    expect(terminal.text).not.toContain("horse");
    expect(lab.log()).toEqual([]);
  });

  it("is asked for after another one on the same terminal, and goes to whoever asked", async () => {
    const ask = (name: string): string => `'${ASKPASS}' '${name} password: ' > ${name} &`;
    const terminal = new Pty(lab, "/bin/sh", "-c", `${ask("alpha")} ${ask("beta")} wait; echo both`);
    await terminal.shows("password:");
    const [, first = ""] = /(alpha|beta) password:/.exec(terminal.text) ?? [];
    const second = first === "alpha" ? "beta" : "alpha";
    terminal.type(`of-${first}\r`);
    await terminal.shows(`${second} password:`);
    terminal.type(`of-${second}\r`);
    await terminal.shows("both");
    expect(terminal.text.match(/password:/g)).toHaveLength(2);
    for (const name of ["alpha", "beta"]) expect(readFileSync(lab.path(name), "utf8")).toBe(`of-${name}\n`);
  });

  it("can be given up with Ctrl-C, which leaves the terminal as it was", async () => {
    const key = lab.key("other", "-N", SECRET);
    const line = `before=$(stty -g); ssh-add '${key}'; [ "$before" = "$(stty -g)" ] && echo as it was`;
    const terminal = new Pty(lab, "/bin/bash", "-c", `trap : INT; ${line}`);
    await terminal.shows(`Enter passphrase for ${key}:`);
    terminal.type("\x03");
    await terminal.shows("as it was");
    expect(execFileSync("ssh-add", ["-l"], { env: lab.environment, encoding: "utf8" })).not.toContain(
      "other",
    );
  });
});

describeWith(["python"], "muxguard-askpass that somebody tries out", () => {
  const lab = new AskpassLab();
  afterAll(() => lab.close());

  it.each([
    [["--help"], 0],
    [["-h"], 0],
    [[], 1],
  ])("says what it is on a terminal: %j", async (args, code) => {
    const terminal = new Pty(lab, "env", "-u", "SSH_ASKPASS_PROMPT", ASKPASS, ...args);
    await terminal.shows("set SSH_ASKPASS, GIT_ASKPASS or SUDO_ASKPASS to it");
    expect(await terminal.end()).toBe(code);
  });

  it.each([
    ["--help", /^muxguard-askpass answers what OpenSSH, git and sudo ask/],
    ["--version", /^\d+\.\d+\.\d+\n$/],
  ])("asks nobody for %s without a terminal, and gives no yes", async (option, said) => {
    const { SSH_ASKPASS_PROMPT: _, ...environment } = lab.environment;
    const { status, stdout, stderr } = spawnSync(ASKPASS, [option], { env: environment, encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 1, stderr: "" });
    expect(stdout).toMatch(said);
  });

  it("takes --help for a question where its answer is read: anybody may have written that", async () => {
    const { code, stdout } = await lab.run(ASKPASS, ["--help"], {
      environment: { SSH_ASKPASS_PROMPT: "confirm" },
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  });
});

describeWith(["git"], "git over HTTP", () => {
  const lab = new AskpassLab();
  const server = new GitServer(lab);
  beforeAll(() => server.listen());
  afterAll(async () => {
    server.close();
    await lab.close();
  });
  const git = { GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null", GIT_TERMINAL_PROMPT: "0" };

  it.each(["SSH_ASKPASS", "GIT_ASKPASS"])("gets the name and the password through %s", async (name) => {
    const asked = lab.path("asked");
    const program = lab.script(
      "person",
      `#!/bin/sh\nprintf '%s\\n' "$1" >> '${asked}'\ncase $1 in Username*) echo me;; *) echo '${SECRET}';; esac\n`,
    );
    lab.config(`askpass = "${program}"\n`);
    writeFileSync(asked, "");
    const url = `http://127.0.0.1:${server.port}`;
    const environment = { ...git, SSH_ASKPASS: "", [name]: ASKPASS };
    expect(await lab.run("git", ["ls-remote", `${url}/repo.git`], { environment })).toMatchObject({
      code: 0,
    });
    const [host] = url.split("//").slice(1);
    expect(readFileSync(asked, "utf8")).toBe(`Username for '${url}': \nPassword for 'http://me@${host}': \n`);
    expect(lab.log()).toEqual([]);
  });

  it("fails with a wrong one, and with none", async () => {
    lab.person("wrong");
    const url = `http://127.0.0.1:${server.port}/repo.git`;
    expect((await lab.run("git", ["ls-remote", url], { environment: git })).stderr).toContain(
      "Authentication failed",
    );
    lab.config("");
    const { code, stderr } = await lab.run("git", ["ls-remote", url], { environment: git });
    expect(code).not.toBe(0);
    expect(stderr).toContain(`nobody can be asked for "Username for 'http://127.0.0.1:${server.port}':"`);
  });
});

describeWith(["git", "python"], "a user name that git asks for on the terminal", () => {
  const lab = new AskpassLab();
  afterAll(() => lab.close());

  it("is shown while it is typed", async () => {
    const terminal = new Pty(lab, ASKPASS, "Username for 'https://github.com': ");
    await terminal.shows("Username for 'https://github.com':");
    terminal.type("me\r");
    expect(await terminal.end()).toBe(0);
    expect(terminal.text.trimEnd().split("\r\n").at(-1)).toContain("me");
  });
});

// sudo knows no users and passwords but the system's: root makes one, who goes again
describeAsRoot(["sudo"], "sudo -A", () => {
  const USER = "muxguard-sudo";
  const lab = new AskpassLab();
  const sudoers = `/etc/sudoers.d/${USER}`;
  const askpass = lab.path("muxguard/bin/muxguard-askpass");
  const asUser = (...command: string[]): string[] => [
    "--reuid",
    USER,
    "--regid",
    USER,
    "--clear-groups",
    ...command,
  ];
  beforeAll(() => {
    spawnSync("userdel", ["--remove", USER]); // of a run that was killed
    execFileSync("useradd", ["--create-home", USER]);
    execFileSync("chpasswd", { input: `${USER}:${SECRET}\n` });
    writeFileSync(sudoers, `${USER} ALL=(root) /usr/bin/id\n`, { mode: 0o440 });
    chmodSync(lab.folder, 0o755);
    copyProgram(lab.path("muxguard"));
  });
  afterAll(async () => {
    execFileSync("userdel", ["--remove", USER], { stdio: "ignore" });
    execFileSync("rm", ["-f", sudoers]);
    await lab.close();
  });
  it("gets the password through muxguard-askpass", async () => {
    const home = `/home/${USER}`;
    const program = lab.script("person", `#!/bin/sh\necho '${SECRET}'\n`);
    mkdirSync(`${home}/.config/muxguard`, { recursive: true });
    writeFileSync(`${home}/.config/muxguard/config.toml`, `askpass = "${program}"\n`);
    execFileSync("chown", ["-R", USER, home]);
    const settings = {
      HOME: home,
      XDG_CONFIG_HOME: "",
      XDG_STATE_HOME: "",
      XDG_RUNTIME_DIR: "",
      SUDO_ASKPASS: askpass,
    };
    const { stdout, stderr } = await lab.run("setpriv", asUser("sudo", "-A", "-k", "id", "-u"), {
      environment: settings,
    });
    expect({ stdout, stderr }).toEqual({ stdout: "0\n", stderr: "" });
  });
});
