/**
 * `muxguard init --yes` in homes as people have them: a login is guarded afterwards, and `--undo` leaves each
 * as it was, to the byte.
 */
import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Lab, type Server, until } from "../../../lab/lab.ts";
import type { Shell } from "../../../lab/terminal/shell.ts";
import { UserHome } from "../../../lab/users/user-home.ts";
import type { AuditEvent } from "../../../src/audit/event.ts";
import { describeWith } from "../tools.ts";

let lab: Lab;
let home: UserHome;
let shell: Shell;
let openedFor: UserHome | undefined;

beforeEach(() => {
  lab = new Lab();
});
afterEach(async () => {
  await endDaemon();
  await shell.run("gpgconf --kill gpg-agent");
  await shell.end();
  await lab.close();
});

/** It also takes away what it has in folders of shared connections. */
async function endDaemon(): Promise<void> {
  await shell.run("kill $(muxguard status | sed -n 's/^daemon *pid //p')");
  await until(async () => (await shell.run("muxguard status")) === 3, "the daemon's end");
}

function make(program: string, environment: NodeJS.ProcessEnv = {}): void {
  home = new UserHome(lab, { shell: program, environment });
}

/** An agent with a key that web1 lets in. @param socket in the laboratory's folder */
async function agentFor(socket: string): Promise<Server> {
  const key = lab.key("key");
  await lab.startAgent(socket, key);
  return lab.startServer("web1", key);
}

/** What it printed. */
async function init(...options: string[]): Promise<string> {
  const code = await shell.run(`muxguard init ${options.join(" ")} >${lab.path("init")} 2>&1`);
  const said = readFileSync(lab.path("init"), "utf8");
  expect(code, said).toBe(0);
  return said;
}

/** Runs a line in the user's own shell, as at a prompt, and says yes to all that is asked. */
async function approved(interactive: string, line: string): Promise<{ stdout: string; stderr: string }> {
  const [done, out, err] = ["done", "out", "err"].map((name) => lab.path(name));
  rmSync(done ?? "", { force: true });
  writeFileSync(lab.path("line"), line);
  const command = `setsid -w ${interactive} "$(cat ${lab.path("line")})" >${out} 2>${err} </dev/null`;
  await shell.run(`{ (${command}; echo >${done}) & }`);
  const yes = async (): Promise<boolean> => {
    await shell.run("muxguard approve >/dev/null 2>&1");
    return existsSync(done ?? "");
  };
  await until(yes, () => `the end of ${line}: ${readFileSync(err ?? "", "utf8")}`);
  return { stdout: readFileSync(out ?? "", "utf8"), stderr: readFileSync(err ?? "", "utf8") };
}

const LOGIN = "ssh -o BatchMode=yes web1 echo in";

/** Logs in as at a prompt: it is asked about, and in the log. */
async function logsIn(interactive: string): Promise<AuditEvent[]> {
  const before = existsSync(home.path(".local/state/muxguard/log.jsonl")) ? home.log().length : 0;
  const { stdout, stderr } = await approved(interactive, LOGIN);
  expect(stdout, stderr).toBe("in\n");
  return home.log().slice(before);
}

async function logsInConfined(): Promise<void> {
  const { stdout, stderr } = await approved("bash -ic", `muxguard run --confine -- /usr/bin/${LOGIN}`);
  expect(stdout, stderr).toBe("in\n");
  expect(home.log().at(-1)).toMatchObject({ ...login, caller: { scope: "ssh" } });
}

const login = { kind: "sign", host: "web1", verified: true, decision: "allow", by: "approver:queue" };

/** Whatever was used, the log aside. */
async function isUndone(before: Map<string, string>): Promise<void> {
  const log = /^\.local(?:\/state(?:\/muxguard(?:\/(?:log\.jsonl|told\.json))?)?)?$/;
  expect(await init("--undo")).not.toContain("not undone");
  const left = [...home.snapshot()].filter(([path]) => before.has(path) || !log.test(path));
  expect(new Map(left)).toEqual(before);
}

describeWith(["ssh", "sshd", "bwrap", "python", "zsh"], "muxguard init", () => {
  it("bash, with an agent whose path changes: a login is asked about", async () => {
    const server = await agentFor("agent.7");
    make("/bin/bash", { SSH_AUTH_SOCK: lab.path("agent.7") });
    home.write(".bashrc", "PS1='$ '\n# no newline at the end", 0o644);
    home.write(".bash_profile", "umask 022\n");
    home.knows(server);
    shell = home.open();
    const before = home.snapshot();
    expect(await init("--dry-run")).toContain("nothing was changed");
    expect(home.snapshot()).toEqual(before);
    const said = await init("--yes");
    expect(said).toMatch(/^change \S*\.bashrc: /m);
    expect(said).toMatch(
      /a login shell does not read \S*\.bashrc: add \. ~\/\.bashrc to \S*\.bash_profile$/m,
    );
    const once = home.snapshot();
    expect(await init("--yes")).toContain("nothing to change");
    expect(home.snapshot()).toEqual(once);
    expect(await logsIn("bash -ic")).toMatchObject([login]);
    await isUndone(before);
  });

  it("zsh, whose start-up file is a link into dotfiles", async () => {
    const server = await agentFor("home.agent");
    make("/usr/bin/zsh", { SSH_AUTH_SOCK: lab.path("home.agent") });
    home.write("dotfiles/zshrc", "alias ll='ls -l'\n");
    await shellRun(`ln -s dotfiles/zshrc .zshrc`);
    home.knows(server);
    const before = home.snapshot();
    expect(await init("--yes")).toMatch(/\.zshrc, a link to \S*dotfiles\/zshrc: /);
    expect(home.snapshot().get(".zshrc")).toBe("dotfiles/zshrc");
    expect(await logsIn("zsh -ic")).toMatchObject([login]);
    await isUndone(before);
  });

  it("ControlMaster: what rides on a connection is decided, too", async () => {
    const server = await agentFor("agent.7");
    make("/bin/bash", { SSH_AUTH_SOCK: lab.path("agent.7") });
    const sharing = ["ControlMaster auto", "ControlPath ~/.ssh/sockets/%C", "ControlPersist 30"];
    home.knows(server, ...sharing);
    await shellRun("mkdir -m 700 .ssh/sockets");
    const before = home.snapshot();
    expect(await init("--yes")).toMatch(/shared connections +\S+\/\.ssh\/sockets/);
    expect(await logsIn("bash -ic")).toMatchObject([login]);
    await until(async () => (await shell.run("muxguard status | grep -q adopted")) === 0, "its adoption");
    const [session] = await logsIn("bash -ic");
    expect(session).toMatchObject({ kind: "session", host: "web1", command: "echo in", decision: "allow" });
    await approved("bash -ic", "ssh -O exit web1");
    await endDaemon();
    await isUndone(before);
  });

  it("1Password's IdentityAgent: ssh asks the guard, in a confined run too", async () => {
    make("/bin/bash");
    home.write(".1password/note", "");
    const server = await agentFor("home/.1password/agent.sock");
    home.knows(server, "IdentityAgent ~/.1password/agent.sock");
    shell = home.open();
    const before = home.snapshot();
    const said = await init("--yes");
    expect(said).toMatch(/past the guard +IdentityAgent in \S*\.ssh\/config:5/);
    expect(await logsIn("bash -ic")).toMatchObject([login]);
    expect(await shell.run("muxguard status | grep -c '^unguarded.*IdentityAgent'")).toBe(1);
    // in the user namespace of this home, no bubblewrap belongs to root
    if (userInfo().uid === 0) await logsInConfined();
    await isUndone(before);
  });

  it("key files without a passphrase: told of and left; in muxguard's own agent they are guarded", async () => {
    const key = lab.key("key");
    const server = await lab.startServer("web1", key);
    make("/bin/bash");
    home.knows(server);
    copyFileSync(key, home.path(".ssh/id_ed25519"));
    shell = home.open();
    const before = home.snapshot();
    expect(await init("--yes")).toMatch(/id_ed25519 has no passphrase: .*ssh-keygen -p -f/);
    expect(home.snapshot().get(".ssh/id_ed25519")).toBe(before.get(".ssh/id_ed25519"));
    const added = await approved("bash -ic", "ssh-add ~/.ssh/id_ed25519");
    expect(added.stderr).toContain("Identity added");
    rmSync(home.path(".ssh/id_ed25519"));
    expect(await logsIn("bash -ic")).toMatchObject([login]);
    copyFileSync(key, home.path(".ssh/id_ed25519"));
    await isUndone(before);
  });

  it("nothing at all: muxguard's own agent, and a home that is empty again", async () => {
    const key = lab.key("key");
    const server = await lab.startServer("web1", key);
    make("/bin/bash");
    shell = home.open();
    const before = home.snapshot();
    expect(before.size).toBe(0);
    expect(await init("--yes")).toMatch(/^new file \S*\.bashrc: /m);
    expect((await approved("bash -ic", `ssh-add ${key}`)).stderr).toContain("Identity added");
    home.knows(server);
    expect(await logsIn("bash -ic")).toMatchObject([login]);
    rmSync(home.path(".ssh"), { recursive: true });
    await isUndone(before);
  });

  it("leaves a start-up file that was written to since, shows what, and undoes the rest", async () => {
    make("/bin/bash");
    home.write(".bashrc", "a\n");
    shell = home.open();
    await init("--yes");
    home.write(".bashrc", `${readFileSync(home.path(".bashrc"), "utf8")}alias mine=ls\n`);
    expect(await shell.run(`muxguard init --undo >${lab.path("undo")} 2>&1`)).toBe(1);
    const said = readFileSync(lab.path("undo"), "utf8");
    expect(said).toMatch(/\.bashrc: not undone: it has changed since/);
    expect(said).toMatch(/^ {2}\+alias mine=ls$/m);
    expect(existsSync(home.path(".config"))).toBe(false);
    expect(readFileSync(home.path(".bashrc"), "utf8")).toContain("alias mine=ls");
  });

  it("does the rest where a start-up file can't be changed, and says so", async () => {
    make("/bin/bash");
    home.write("one", "");
    await shellRun("ln one .bashrc; ln -s nowhere .profile");
    const said = lab.path("said");
    expect(await shell.run(`muxguard init --yes >${said} 2>&1`)).toBe(1);
    expect(readFileSync(said, "utf8")).toMatch(
      /^muxguard: left as it is: \S*\.bashrc: has another name[\s\S]*^ {2}\+ {2}.*muxguard-env --sh/m,
    );
    expect(existsSync(home.path(".config/muxguard/policy.toml"))).toBe(true);
    home.write(".config/muxguard/config.toml", "remembr = 1\n");
    expect(await shell.run(`muxguard init --yes >${said} 2>&1`)).toBe(78);
    expect(readFileSync(said, "utf8")).toMatch(/config\.toml:1:1: unknown field "remembr"/);
  });

  it("is refused inside of a run, and asks nobody without a terminal", async () => {
    make("/bin/bash");
    shell = home.open();
    const said = lab.path("said");
    expect(await shell.run(`muxguard run -- muxguard init --yes >${said} 2>&1`)).toBe(1);
    expect(readFileSync(said, "utf8")).toContain("refused: inside of a muxguard run");
    expect(await shell.run(`muxguard init >${said} 2>&1 </dev/null`)).toBe(64);
    expect(readFileSync(said, "utf8")).toContain("--yes takes what it proposes");
    expect(existsSync(home.path(".bashrc"))).toBe(false);
  });
});

describeWith(["ssh", "sshd", "bwrap", "python", "fish"], "muxguard init for fish", () => {
  it("guards a login from fish", async () => {
    make("/usr/bin/fish", { SSH_AUTH_SOCK: lab.path("home/.agent.sock") });
    const server = await agentFor("home/.agent.sock");
    home.knows(server);
    home.write(".config/fish/config.fish", "set -g fish_greeting\n");
    await shellRun("fish -ic true </dev/null >/dev/null 2>&1"); // it makes files of its own
    const before = home.snapshot();
    await init("--yes");
    const config = readFileSync(home.path(".config/muxguard/config.toml"), "utf8");
    expect(config).toContain(`upstream_agent = "${home.path(".agent.sock")}"`);
    expect(await logsIn("fish -ic")).toMatchObject([login]);
    await isUndone(before);
  });
});

describeWith(["ssh", "sshd", "bwrap", "python", "gpg"], "muxguard init for gpg-agent", () => {
  it("keeps gpg-agent behind the guard", async () => {
    make("/bin/bash");
    home.write(".gnupg/gpg-agent.conf", "enable-ssh-support\n");
    home.write(".bashrc", "export SSH_AUTH_SOCK=$(gpgconf --list-dirs agent-ssh-socket)\n");
    const keygen = "gpg --batch --passphrase '' --quick-gen-key me ed25519 auth,cert 0";
    await shellRun(`${keygen} >/dev/null 2>&1 && gpg --export-ssh-key me >${lab.path("gpg.pub")}`);
    const grip = "gpg -K --with-keygrip me | sed -n 's/^ *Keygrip = //p' >.gnupg/sshcontrol";
    await shellRun(`${grip}; gpg-connect-agent /bye >/dev/null`);
    home.knows(await lab.startServer("web1", lab.path("gpg")));
    const before = home.snapshot();
    expect(await init("--yes")).toMatch(/agents +\S+S\.gpg-agent\.ssh \(gpg-agent\)/);
    expect(await logsIn("bash -ic")).toMatchObject([login]);
    await isUndone(before);
  });
});

/** In a terminal that is opened for it, the first time. */
async function shellRun(line: string): Promise<void> {
  if (openedFor !== home) shell = home.open();
  openedFor = home;
  expect(await shell.run(line), line).toBe(0);
}
