/**
 * What muxguard-askpass asks and shows in tmux: by real clients of OpenSSH and git that have no terminal, on
 * a client that somebody looks at.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { ASKPASS, AskpassLab } from "../../../lab/askpass-lab.ts";
import { ended, finished, type Result, until } from "../../../lab/lab.ts";
import { OpenLab } from "../../../lab/open-lab.ts";
import { GitServer } from "../../../lab/servers/git-server.ts";
import { startPasswordServer } from "../../../lab/servers/password-server.ts";
import type { Terminal } from "../../../lab/terminal/terminal.ts";
import { TmuxServer } from "../../../lab/terminal/tmux-server.ts";
import { attempt } from "../../../src/attempt.ts";
import { describeWith } from "../tools.ts";

const SECRET = GitServer.PASSWORD;
/** The line to type in is there. */
const READY = /no\s*│\s*│\?/;
const NASTY = "\x1b[2J\x1b]0;owned\x07Pass\u202eword\r\nasked by: sudo\n#(touch /tmp/owned)#{pid}%H:";

/** Once the popup has this, types a line there. */
async function answer(screen: Terminal, text: string, line: string): Promise<void> {
  await screen.shows(text);
  await screen.shows(READY);
  screen.enter(line);
}

const isGone = (screen: Terminal): Promise<void> =>
  until(() => !screen.screen().includes("┌──"), "the end of the popup");

/** The command lines and environments of all processes that this user may see. */
function processes(): string {
  const files = readdirSync("/proc").flatMap((pid) =>
    /^\d+$/.test(pid) ? [`/proc/${pid}/cmdline`, `/proc/${pid}/environ`] : [],
  );
  return files.map((file) => attempt(() => readFileSync(file, "utf8")) ?? "").join("");
}

/** What is in the files of a folder. */
function contents(folder: string): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return files.map(({ parentPath, name }) => readFileSync(join(parentPath, name), "utf8")).join("");
}

/** What a tmux server tells and keeps. */
function kept(server: TmuxServer): string {
  const asked = [
    ["list-buffers"],
    ["show-messages"],
    ["show-options", "-g"],
    ["show-options", "-s"],
    ["show-environment", "-g"],
  ];
  return (
    asked.map((words) => server.tmux(...words)).join("") +
    server.tmux("capture-pane", "-p", "-S", "-", "-t", "main")
  );
}

describeWith(["ssh", "git", "tmux"], "a program without a terminal, with a tmux client attached", () => {
  const lab = new AskpassLab();
  const git = new GitServer(lab);
  let server: TmuxServer;
  let screen: Terminal;
  let key: string;

  beforeAll(async () => {
    await Promise.all([lab.startAgent(), git.listen()]);
    key = lab.key("locked", "-N", SECRET);
  });
  beforeEach(async () => {
    lab.config('approvers = ["tmux"]\n');
    execFileSync("ssh-add", ["-q", "-D"], { env: lab.environment, stdio: "ignore" });
    server = new TmuxServer(lab);
    screen = await server.attach();
  });
  afterEach(() => server.close());
  afterAll(async () => {
    git.close();
    await lab.close();
  });

  const runtime = (): string[] => readdirSync(lab.path("runtime/muxguard"));

  it("gets a passphrase from a popup, which says who asks; the secret is nowhere else", async () => {
    const result = lab.run("ssh-add", [key]);
    await screen.shows(`│Enter passphrase for ${key}:`);
    await screen.shows(/│asked by: ssh-add \(pid \d+\), started by /);
    await screen.shows(READY);
    screen.press(...SECRET.slice(0, -1), "x", "BSpace");
    await screen.shows(READY);
    expect(processes()).not.toContain(SECRET.slice(0, -1));
    expect(screen.screen()).not.toMatch(/horse|\*\*/);
    screen.press(SECRET.slice(-1), "Enter");
    expect(await result).toMatchObject({
      code: 0,
      stdout: "",
      stderr: expect.stringContaining("Identity added"),
    });
    await isGone(screen);
    expect(runtime()).toEqual([]);
    expect(lab.log()).toEqual([]);
    expect(contents(lab.path("state"))).not.toContain("horse");
    expect(kept(server)).not.toContain("horse");
  });

  it("gets a user name, which is shown, and a password", async () => {
    const environment = {
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CONFIG_SYSTEM: "/dev/null",
      GIT_TERMINAL_PROMPT: "0",
      GIT_ASKPASS: ASKPASS,
    };
    const url = `http://127.0.0.1:${git.port}`;
    const result = lab.run("git", ["ls-remote", `${url}/repo.git`], { environment });
    await screen.shows(`Username for '${url}':`);
    await screen.shows(READY);
    screen.press("m", "e");
    await screen.shows(/│\? +me/);
    screen.press("Enter");
    await answer(screen, `Password for 'http://me@127.0.0.1:${git.port}':`, SECRET);
    expect(await result).toMatchObject({ code: 0, stderr: "" });
    expect(kept(server)).not.toContain("horse");
  });

  it.each(["Escape", "C-c"])("gets a no for %s", async (cancel) => {
    const result = lab.ask("Password: ");
    await screen.shows(READY);
    screen.press("x", cancel);
    expect(await result).toMatchObject({ code: 1, stdout: "", stderr: "" });
    await isGone(screen);
  });

  it("gets nothing of what is typed before there is a line to type in", async () => {
    const result = lab.ask("Password: ");
    await screen.shows("Password:");
    screen.press("x", "Enter", "y");
    await answer(screen, "Password:", SECRET);
    expect(await result).toMatchObject({ code: 0, stdout: `${SECRET}\n` });
  });

  it("can't make the popup look like another by what it asks", async () => {
    const result = lab.ask(`${NASTY}${"x".repeat(5000)}`);
    await screen.shows(READY);
    const [, , ...lines] = screen
      .screen()
      .split("\n")
      .filter((line) => line.includes("│"));
    expect(screen.screen()).toContain("│\\x1b[2J\\x1b]0;owned\\x07Pass\\u{202e}word\\x0d");
    expect(screen.screen()).toContain("│#(touch /tmp/owned)#{pid}%H:xxx");
    expect(lines.join("\n")).toMatch(/│asked by: node [\s\S]*│Enter answers/); // the last of them is ours
    expect(server.tmux("display-message", "-p", "#{pane_title}")).not.toContain("owned");
    screen.press("Escape");
    expect((await result).code).toBe(1);
  });

  it("says that it is inside of a run", async () => {
    const result = lab.muxguard("run", "--", "/bin/sh", "-c", `${ASKPASS} 'Password: '; exit $?`);
    await screen.shows(/│asked by: \w+ \(pid \d+\)[\s\S]*inside[│\s]+of[│\s]+a[│\s]+muxguard[│\s]+run/);
    await screen.shows(READY);
    screen.press("Escape");
    expect(await result).toMatchObject({ code: 1, stdout: "" });
  });

  it("says who asks where the text is longer than the screen", async () => {
    const result = lab.ask("line\n".repeat(100));
    await screen.shows(READY);
    expect(screen.screen()).toMatch(/│line[\s\S]*│asked by: node/);
    screen.resize(60, 24);
    screen.press("Escape");
    await result;
    const small = lab.ask("line\n".repeat(100));
    await screen.shows(/│line[\s\S]*│… more than fits here[\s\S]*│asked by: node[\s\S]*│Enter answers/);
    await screen.shows(READY);
    screen.press("Escape");
    expect((await small).code).toBe(1);
  });

  it.each<[string, NodeJS.Signals]>([
    ["withdrawn", "SIGTERM"],
    ["killed", "SIGKILL"],
  ])("leaves no popup behind when its question is %s", async (_, signal) => {
    const asking = lab.start(ASKPASS, ["Password: "], { detached: true });
    const result = finished(asking);
    await screen.shows("Password:");
    asking.kill(signal);
    await isGone(screen);
    expect((await result).stdout).toBe("");
    if (signal === "SIGKILL") await lab.muxguard("run", "--", "true"); // clears up
    expect(runtime()).toEqual([]);
  });

  it("leaves no popup behind when it is killed itself", async () => {
    const asking = lab.start("ssh-add", [key], { detached: true, stdio: "ignore" });
    await screen.shows("Enter passphrase");
    asking.kill("SIGKILL");
    await isGone(screen);
    await until(() => runtime().length === 0, "an empty folder");
  });

  it("is asked for by another program where nobody looks at tmux, or where tmux is no approver", async () => {
    const program = lab.script("other", `#!/bin/sh\necho '${SECRET}'\n`);
    lab.config(`approvers = ["terminal"]\naskpass = "${program}"\n`);
    expect(await lab.ask("Password: ")).toMatchObject({ code: 0, stdout: `${SECRET}\n` });
    server.tmux("detach-client", "-s", "main");
    await until(() => server.clients().length === 0, "the end of the client");
    lab.config(`approvers = ["tmux"]\naskpass = "${program}"\n`);
    expect(await lab.ask("Password: ")).toMatchObject({ code: 0, stdout: `${SECRET}\n` });
    lab.config('approvers = ["tmux"]\n');
    const { code, stderr } = await lab.ask("Password: ");
    expect(code).toBe(1);
    expect(stderr).toContain("no terminal; no tmux client is attached; no other askpass program");
  });

  it("goes to another program when the client is detached while it is asked", async () => {
    lab.config(`approvers = ["tmux"]\naskpass = "${lab.script("other", `#!/bin/sh\necho '${SECRET}'\n`)}"\n`);
    const result = lab.ask("Password: ");
    await screen.shows("Password:");
    server.tmux("detach-client", "-s", "main");
    expect(await result).toMatchObject({ code: 0, stdout: `${SECRET}\n` });
  });

  it("comes one after the other, where two ask", async () => {
    const results: Promise<Result>[] = ["First: ", "Second: "].map((text) => lab.ask(text));
    for (const _ of results) {
      await screen.shows(READY);
      screen.enter(screen.screen().includes("First:") ? "one" : "two");
      await until(() => !READY.test(screen.screen()), "the end of the popup");
    }
    expect((await Promise.all(results)).map(({ stdout }) => stdout)).toEqual(["one\n", "two\n"]);
  });

  it("has a question of yes or no asked there without a daemon, once", async () => {
    const result = lab.ask("Allow shared connection to x? ", "confirm");
    await screen.shows(/share its connection to "x"[\s\S]*❯ deny[\s\S]*allow once/);
    expect(screen.screen()).not.toContain("allow for");
    await screen.keysCount();
    screen.press("Down", "Enter");
    expect(await result).toMatchObject({ code: 0, stdout: "yes\n" });
    expect(lab.log().at(-1)).toMatchObject({ by: "approver:tmux", remember: "once" });
    const asking = lab.start(ASKPASS, ["Allow shared connection to x? "], {
      env: { ...lab.environment, SSH_ASKPASS_PROMPT: "confirm" },
      detached: true,
    });
    await screen.shows("❯ deny");
    asking.kill("SIGTERM");
    await ended(asking);
    await isGone(screen);
    expect(lab.log().at(-1)).toMatchObject({ decision: "deny", by: "fault:withdrawn" });
    expect(runtime()).toEqual([]);
  });
});

describeWith(
  ["ssh", "sshd", "tmux", "python"],
  "what ssh asks while the guard opens a connection, with a tmux client attached",
  () => {
    const lab = new OpenLab();
    let server: TmuxServer;
    let screen: Terminal;
    beforeAll(async () => {
      lab.settings('approvers = ["tmux"]\n');
      lab.policy('default = "allow"\n');
      await lab.open();
      server = new TmuxServer(lab);
      screen = await server.attach();
    });
    afterAll(async () => {
      server.close();
      await lab.close();
    });

    it("is asked there for who has no terminal", async () => {
      const hostKeyFile = lab.key("password.hostkey");
      const password = await startPasswordServer({ hostKeyFile, password: SECRET });
      const ignored = ["StrictHostKeyChecking no", "UserKnownHostsFile /dev/null", "BatchMode no"];
      lab.host("password.test", [
        "HostName 127.0.0.1",
        `Port ${password.port}`,
        `ControlPath ${lab.sockets}/%n`,
        ...ignored,
      ]);
      const result = lab.muxguard("open", "password.test");
      await answer(screen, "@127.0.0.1's password:", SECRET);
      expect(await result).toMatchObject({ code: 0, stderr: "" });
      expect(password.tried).toEqual([SECRET]);
      await isGone(screen);
      expect(kept(server)).not.toContain("horse");
      password.close();
    });
  },
);
