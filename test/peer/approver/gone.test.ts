/** What goes while it asks: the display of an askpass program, and the guard itself. */
import { type ChildProcess, execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { Screen } from "../../../lab/desktop/screen.ts";
import { ended, Lab, type Result, until } from "../../../lab/lab.ts";
import { endOf } from "../../../lab/processes.ts";
import { attempt } from "../../../src/attempt.ts";
import { describeWith, X11_ASKPASS } from "../tools.ts";

const lab = new Lab();
const key = lab.key("work");
const pidFile = lab.path("pid");
let daemon: ChildProcess | undefined;

beforeAll(async () => {
  lab.environment.HOME = lab.folder;
  await lab.startAgent("upstream.sock", key);
  await lab.startServer("alpha.example", key);
});
afterEach(async () => {
  if (daemon) await endOf(daemon);
  daemon = undefined;
  rmSync(pidFile, { force: true });
});
afterAll(() => lab.close());

function login(): Promise<Result> {
  const environment = { SSH_AUTH_SOCK: lab.agentSocket };
  return lab.run("ssh", ["-F", lab.sshConfig, "alpha.example", "echo", "in"], { environment });
}

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
}

/** Of a process group. */
function membersOf(group: number): number[] {
  const groupOf = (pid: string): string | undefined =>
    attempt(() => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ")[2]);
  return readdirSync("/proc")
    .filter((pid) => /^\d/.test(pid) && groupOf(pid) === `${group}`)
    .map(Number);
}

/** Once a script has written them down, each on a line. */
async function pids(count: number): Promise<number[]> {
  const read = (): number[] =>
    existsSync(pidFile) ? readFileSync(pidFile, "utf8").split("\n").map(Number) : [];
  await until(() => read().length > count, `${count} programs`);
  return read().slice(0, count);
}

describeWith(["ssh", "sshd", "ssh-askpass"], "a display that goes while ssh-askpass asks", () => {
  let screen: Screen;

  beforeEach(async () => {
    screen = await Screen.start();
    lab.environment.DISPLAY = screen.display;
    lab.environment.SSH_ASKPASS = X11_ASKPASS;
  });
  afterEach(() => screen.close());

  const xdotool = (...args: string[]): string =>
    execFileSync("xdotool", args, { env: lab.environment, encoding: "utf8", stdio: "pipe" }).trim();

  function windows(): string[] {
    try {
      return [xdotool("search", "--onlyvisible", "--name", "OpenSSH")];
    } catch {
      return []; // it found none
    }
  }

  async function window(): Promise<string> {
    await until(() => windows().length > 0, "the window");
    return windows()[0] ?? "";
  }

  it.each<[string, () => Promise<unknown>]>([
    ["is killed", () => screen.die()],
    ["ends", () => screen.close()],
  ])("is no answer when the X server %s: the question stays open for `muxguard approve`", async (_, go) => {
    lab.config('approvers = ["askpass", "queue"]\n');
    daemon = await lab.startDaemon();
    const { result, events } = await lab.logged(async () => {
      const waiting = login();
      await window();
      await go();
      const [question] = await lab.pending();
      await lab.muxguard("approve", question?.id ?? "");
      return waiting;
    });
    expect(result).toMatchObject({ code: 0, stdout: "in\n" });
    expect(events).toMatchObject([{ decision: "allow", by: "approver:queue" }]);
  });

  const killWindow = async (): Promise<unknown> => xdotool("windowkill", await window());
  const asIs = `exec ${X11_ASKPASS} "$@"`;
  const silent = `${X11_ASKPASS} "$@" 2> /dev/null`;

  it.each<[string, string, () => Promise<unknown>, RegExp, RegExp]>([
    ["the X server is killed", asIs, () => screen.die(), /: askpass: X connection to/, /can't open display/i],
    ["a script hides what is said", silent, () => screen.die(), /its display is gone/, /its display is gone/],
    ["the window is killed", asIs, killWindow, /: askpass: X connection to/, /: askpass: X connection to/],
  ])("is no person's no, and nothing is remembered: %s", async (_, body, go, first, second) => {
    lab.config('approvers = ["askpass"]\n');
    lab.environment.SSH_ASKPASS = lab.script("askpass", `#!/bin/sh\n${body}\n`);
    daemon = await lab.startDaemon();
    const { events } = await lab.logged(async () => {
      const waiting = login();
      await window();
      await go();
      await waiting;
      const again = login();
      if (go === killWindow) await go();
      await again;
    });
    const fault = (reason: RegExp): object => ({
      decision: "deny",
      by: "fault:approver",
      reason: expect.stringMatching(reason),
    });
    expect(events).toMatchObject([fault(first), fault(second)]);
  });

  it("takes the window along when the guard is killed, also a script's", async () => {
    lab.config('approvers = ["askpass"]\n');
    lab.environment.SSH_ASKPASS = lab.script("askpass", `#!/bin/sh\n${X11_ASKPASS} "$@"; exit 1\n`);
    daemon = await lab.startDaemon();
    const waiting = login();
    await window();
    daemon.kill("SIGKILL");
    await ended(daemon);
    await until(() => windows().length === 0, "the end of the window");
    await waiting;
  });
});

describeWith(["ssh", "sshd"], "a guard that is killed while a command asks", () => {
  // its own pid, and that of a program that it started
  const note = `echo "$$ $!" | tr ' ' '\\n' > '${pidFile}.new'; mv '${pidFile}.new' '${pidFile}'`;

  it.each<[string, string]>([
    ["the program and what it has started", `sleep 1000 & ${note}; wait`],
    ["one that takes no notice of SIGTERM", `trap '' TERM; sleep 1000 & ${note}; while :; do wait; done`],
  ])("takes along %s", async (_, body) => {
    lab.config('approvers = ["command"]\ncommand = "~/ask"\n');
    lab.script("ask", `#!/bin/sh\n${body}\n`);
    daemon = await lab.startDaemon();
    const waiting = login();
    const asking = await pids(2);
    expect(asking.map(isAlive)).toEqual([true, true]);
    daemon.kill("SIGKILL");
    await until(() => !asking.some(isAlive), "the end of the programs");
    await waiting;
  });

  it("leaves alone what a program has started once it has answered, and leaves nothing of its own", async () => {
    lab.config('approvers = ["command"]\ncommand = "~/ask"\n');
    const answer = `echo '{"decision":"allow"}'`;
    lab.script("ask", `#!/bin/sh\nsleep 1000 > /dev/null 2>&1 &\n${note}\n${answer}\n`);
    daemon = await lab.startDaemon();
    expect(await login()).toMatchObject({ code: 0, stdout: "in\n" });
    const [group = 0, left = 0] = await pids(2);
    try {
      await until(
        () => membersOf(group).join() === `${left}`,
        () => `the end of ${membersOf(group)} but ${left}`,
      );
    } finally {
      process.kill(left);
    }
  });
});
