/**
 * What ssh has shown while a security key waits to be touched: on the terminal, in tmux, on the desktop or by
 * another program, until it takes it back.
 */
import { type ChildProcess, execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { AskpassLab } from "../../../lab/askpass-lab.ts";
import { PrivateBus } from "../../../lab/desktop/bus.ts";
import { NOTIFICATIONS } from "../../../lab/desktop/notification-server.ts";
import { Screen } from "../../../lab/desktop/screen.ts";
import { ended, until } from "../../../lab/lab.ts";
import { endOf } from "../../../lab/processes.ts";
import { Terminal } from "../../../lab/terminal/terminal.ts";
import { TmuxServer } from "../../../lab/terminal/tmux-server.ts";
import { describeWith } from "../tools.ts";

const HOST = "vault.example";
const SOURCE = fileURLToPath(new URL("touch.c", import.meta.url));
const NOTICE = "Confirm user presence for key ED25519-SK SHA256:";

/** An ssh that logs in with a security key. */
class TouchLab extends AskpassLab {
  async open(): Promise<void> {
    execFileSync("cc", ["-shared", "-fPIC", "-o", this.path("touch.so"), SOURCE]);
    const key = this.key("sk", "-t", "ed25519-sk", "-w", this.path("touch.so"));
    await this.startServer(HOST, key);
    this.host(HOST, ["BatchMode no", `SecurityKeyProvider ${this.path("touch.so")}`, `IdentityFile ${key}`]);
    this.environment.TOUCHED = this.path("touched");
  }

  readonly login = ["-F", this.sshConfig, HOST, "true"];

  /** Without a terminal. */
  startLogin(): ChildProcess {
    rmSync(this.path("touched"), { force: true });
    return this.start("ssh", this.login, { detached: true, stdio: ["ignore", "pipe", "pipe"] });
  }

  touch(): void {
    writeFileSync(this.path("touched"), "");
  }

  /** Whether the ssh takes the notice back, or is killed and can't. */
  async finish(ssh: ChildProcess, how: string): Promise<void> {
    if (how === "killed") ssh.kill("SIGKILL");
    else this.touch();
    await ended(ssh);
    this.touch();
  }
}

const ENDS = ["touched", "killed"];

describeWith(["ssh", "sshd", "cc", "tmux"], "a security key that waits to be touched", () => {
  const lab = new TouchLab();
  beforeAll(() => lab.open());
  afterAll(() => lab.close());

  it("is told of on the terminal, and no longer once it was touched", async () => {
    const terminal = new Terminal(lab.environment, lab.folder);
    try {
      terminal.enter("echo before");
      terminal.enter(`ssh ${lab.login.join(" ")} 2> errors; echo after`);
      await terminal.shows(NOTICE);
      lab.touch();
      await terminal.shows(/^after$/m);
      expect(terminal.screen()).not.toContain(NOTICE);
      expect(terminal.screen()).toContain("before");
    } finally {
      terminal.close();
    }
  });

  it("is told of on the terminal, where Ctrl-C still ends ssh", async () => {
    rmSync(lab.path("touched"), { force: true });
    const terminal = new Terminal(lab.environment, lab.folder);
    try {
      terminal.enter(`ssh ${lab.login.join(" ")} 2> errors`);
      await terminal.shows(NOTICE);
      terminal.press("C-c");
      expect(await terminal.output("echo $?")).toBe("130");
    } finally {
      lab.touch();
      terminal.close();
    }
  });

  it.each(ENDS)("is told of in tmux until it is %s", async (how) => {
    lab.config('approvers = ["tmux"]\n');
    const server = new TmuxServer(lab);
    try {
      const screen = await server.attach();
      const ssh = lab.startLogin();
      await screen.shows(`│${NOTICE}`);
      await screen.shows(/│asked by: ssh \(pid \d+\), started by /);
      await lab.finish(ssh, how);
      await until(() => !screen.screen().includes("┌──"), "the end of the popup");
      await until(() => readdirSync(lab.path("runtime/muxguard")).length === 0, "the popup's folder");
    } finally {
      server.close();
    }
  });

  it("is told of in tmux until a key hides that, and still waits", async () => {
    lab.config('approvers = ["tmux"]\n');
    const server = new TmuxServer(lab);
    try {
      const screen = await server.attach();
      const ssh = lab.startLogin();
      await screen.shows(NOTICE);
      await screen.keysCount();
      screen.press("x");
      await until(() => !screen.screen().includes("┌──"), "the end of the popup");
      expect(ssh.exitCode).toBeNull();
      await lab.finish(ssh, "touched");
    } finally {
      server.close();
    }
  });

  it.each(ENDS)("is told of by another program until it is %s, with what that has started", async (how) => {
    const shown = lab.path("shown");
    const script = `#!/bin/sh\nsleep 1000 &\necho "$! $SSH_ASKPASS_PROMPT $1" > '${shown}'\nwait\n`;
    lab.config(`askpass = "${lab.script("notice", script)}"\n`);
    rmSync(shown, { force: true });
    const ssh = lab.startLogin();
    await until(() => existsSync(shown) && readFileSync(shown, "utf8") !== "", "the notice");
    const [, pid = "", rest] = /^(\d+) (.*)\n$/.exec(readFileSync(shown, "utf8")) ?? [];
    expect(rest).toContain(`none ${NOTICE}`);
    await lab.finish(ssh, how);
    await until(() => !existsSync(`/proc/${pid}`), "the end of the program");
  });
});

describeWith(["ssh", "sshd", "cc", "bus", "dunst"], "a security key that waits, on the desktop", () => {
  const lab = new TouchLab();
  let screen: Screen;
  let bus: PrivateBus;
  let dunst: ChildProcess;
  beforeAll(async () => {
    await lab.open();
    screen = await Screen.start();
    lab.environment.DISPLAY = screen.display;
    lab.environment.PATH = `${lab.folder}:${lab.environment.PATH}`;
    lab.script("ssh-askpass", `#!/bin/sh\necho "$1" >> '${lab.path("shown")}'\nexec sleep 1000\n`);
  });
  beforeEach(async () => {
    rmSync(lab.path("shown"), { force: true });
    bus = await PrivateBus.start(lab.folder);
    lab.environment.DBUS_SESSION_BUS_ADDRESS = bus.address;
    // one that hides what is not urgent at once
    writeFileSync(lab.path("dunstrc"), "[urgency_low]\ntimeout = 1\n[urgency_normal]\ntimeout = 1\n");
    dunst = lab.start("dunst", ["-conf", lab.path("dunstrc")], { stdio: "ignore" });
    const client = await bus.client();
    await until(async () => Boolean(await client.nameHasOwner(NOTIFICATIONS)), "dunst");
    return async () => {
      await endOf(dunst);
      await bus.close();
    };
  });
  afterAll(async () => {
    await screen.close();
    await lab.close();
  });

  const dunstctl = (...args: string[]): string =>
    execFileSync("dunstctl", args, { env: lab.environment, encoding: "utf8" }).trim();
  const shows = (count: number): Promise<void> =>
    until(() => dunstctl("count", "displayed") === `${count}`, `${count} notifications`);

  it.each(ENDS)("is told of there until it is %s", async (how) => {
    const ssh = lab.startLogin();
    await shows(1);
    await lab.finish(ssh, how);
    await shows(0);
    expect(dunstctl("history")).toContain(NOTICE);
    expect(dunstctl("history")).toContain("asked by: ssh (pid");
    expect(existsSync(lab.path("shown"))).toBe(false);
  });

  it("still waits when the notification is closed", async () => {
    const ssh = lab.startLogin();
    await shows(1);
    dunstctl("close");
    await shows(0);
    expect(ssh.exitCode).toBeNull();
    await lab.finish(ssh, "touched");
    expect(existsSync(lab.path("shown"))).toBe(false);
  });

  it.each([
    ["the notification server", () => dunst.kill("SIGKILL")],
    ["the bus", () => bus.daemon.kill("SIGKILL")],
  ])("is told of by another program when %s is gone", async (_, kill) => {
    const ssh = lab.startLogin();
    await shows(1);
    kill();
    await until(() => existsSync(lab.path("shown")), "the other program");
    await lab.finish(ssh, "touched");
  });

  it("is told of by another program where notification is no approver", async () => {
    lab.config('approvers = ["askpass"]\n');
    const ssh = lab.startLogin();
    await until(() => existsSync(lab.path("shown")), "the other program");
    expect(dunstctl("count", "displayed")).toBe("0");
    await lab.finish(ssh, "touched");
  });
});
