/**
 * dunst on a screen that nobody sees. It offers the buttons through a program, which picks here what the test
 * wants.
 */
import { type ChildProcess, execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { PrivateBus } from "../../../lab/desktop/bus.ts";
import { NOTIFICATIONS } from "../../../lab/desktop/notification-server.ts";
import { Screen } from "../../../lab/desktop/screen.ts";
import { Lab, until } from "../../../lab/lab.ts";
import { endOf } from "../../../lab/processes.ts";
import { describeWith } from "../tools.ts";

/** How long a notification takes no clicks, and a little more. */
const DEAF_FOR = 1100;

describeWith(["ssh", "sshd", "bus", "dunst"], "a login that is asked about on the desktop", () => {
  const lab = new Lab();
  const key = lab.key("work");
  const user = userInfo().username;
  let screen: Screen;
  let bus: PrivateBus;
  let dunst: ChildProcess;
  let logged: number;

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", key);
    await lab.startServer("alpha.example", key);
    screen = await Screen.start();
    lab.environment.DISPLAY = screen.display;
    const menu = lab.script(
      "menu",
      `#!/bin/sh\ntee '${lab.path("offered")}' | grep "^#$(cat '${lab.path("choice")}') ("\n`,
    );
    writeFileSync(lab.path("dunstrc"), `[global]\ndmenu = ${menu}\n`);
  });
  beforeEach(async () => {
    logged = lab.log().length;
    bus = await PrivateBus.start(lab.folder);
    lab.environment.DBUS_SESSION_BUS_ADDRESS = bus.address;
    await startDunst();
  });
  afterEach(async () => {
    await endOf(dunst);
    await bus.close();
  });
  afterAll(async () => {
    await screen.close();
    await lab.close();
  });

  async function startDunst(): Promise<void> {
    dunst = lab.start("dunst", ["-conf", lab.path("dunstrc")], { stdio: "ignore" });
    const client = await bus.client();
    await until(async () => Boolean(await client.nameHasOwner(NOTIFICATIONS)), "dunst");
  }

  const events = () => lab.log().slice(logged);
  const ssh = `ssh -F ${lab.sshConfig} alpha.example`;
  const run = (script: string) => lab.muxguard("run", "--scope", "work", "--", "sh", "-c", script);
  const dunstctl = (...args: string[]) =>
    execFileSync("dunstctl", args, { env: lab.environment, encoding: "utf8" }).trim();
  const shows = (count: number) =>
    until(() => dunstctl("count", "displayed") === `${count}`, `${count} notifications`);

  /** Waits for the only question, and presses one of its buttons. */
  async function press(label: string): Promise<void> {
    await shows(1);
    const shown = performance.now();
    await until(() => performance.now() - shown > DEAF_FOR, "clicks to count");
    writeFileSync(lab.path("choice"), label);
    dunstctl("context");
  }

  it("goes on after the button for it, and the answer holds for the next one", async () => {
    const result = run(`${ssh} echo one; ${ssh} echo two`);
    await press("allow until this run ends");
    expect(await result).toMatchObject({ code: 0, stdout: "one\ntwo\n", stderr: "" });
    expect(events()).toMatchObject([{ by: "approver:notification" }, { by: `grant:${events()[0]?.id}` }]);
    const offered = readFileSync(lab.path("offered"), "utf8");
    for (const label of ["deny", "allow once", "allow until this run ends"])
      expect(offered).toContain(`#${label} (ssh → alpha.example as ${user}`);
    await shows(0);
  });

  it("says who wants what", async () => {
    const result = run(`${ssh} echo in`);
    await press("deny");
    await result;
    const history = dunstctl("history");
    expect(history).toContain(`ssh → alpha.example as ${user}`);
    expect(history).toContain("login with key");
    expect(history).toContain("because: no rule says otherwise");
  });

  it("is denied by the button for it", async () => {
    const result = run(`${ssh} echo in`);
    await press("deny");
    expect(await result).toMatchObject({ code: 255, stdout: "" });
    expect((await result).stderr).toMatch(/muxguard: denied: .*you said no, on the desktop/);
    expect(events()).toMatchObject([{ decision: "deny", by: "approver:notification" }]);
  });

  it("still waits when the notification is closed, for muxguard approve", async () => {
    const result = run(`${ssh} echo in`);
    await shows(1);
    dunstctl("close");
    await shows(0);
    const [question] = await lab.pending();
    expect(events()).toEqual([]);
    await lab.muxguard("approve", question?.id ?? "");
    expect(await result).toMatchObject({ code: 0, stdout: "in\n" });
  });

  it("leaves the screen when it is answered from elsewhere, or ssh goes away", async () => {
    const result = run(`${ssh} echo in`);
    await shows(1);
    const [question] = await lab.pending();
    await lab.muxguard("approve", question?.id ?? "");
    expect(await result).toMatchObject({ code: 0, stdout: "in\n" });
    await shows(0);
    const left = run(`${ssh} true`);
    await shows(1);
    process.kill((await lab.pending())[0]?.caller.pid ?? 0, "SIGKILL");
    await left;
    await shows(0);
  });

  it("is asked about again when the screen was locked in between", async () => {
    const login = await bus.client();
    await login.requestName("org.freedesktop.login1", 0);
    lab.environment.DBUS_SYSTEM_BUS_ADDRESS = bus.address;
    const result = run(`${ssh} echo one; while ! [ -e go ]; do sleep 0.05; done; ${ssh} echo two; rm go`);
    await press("allow until this run ends");
    await until(() => events().length === 1, "the first answer");
    login.sendSignal("/org/freedesktop/login1/session/_31", "org.freedesktop.login1.Session", "Lock");
    await login.getId();
    writeFileSync(lab.path("go"), "");
    await press("deny");
    expect(await result).toMatchObject({ stdout: "one\n" });
    expect(events()).toMatchObject([
      { decision: "allow" },
      { decision: "deny", by: "approver:notification" },
    ]);
  });

  it("shows what a rule allows, if it is to", async () => {
    lab.policy('[[rule]]\nname = "logging in"\nhost = "alpha.example"\naction = "allow"\n');
    lab.config('notices = ["logging*"]\n');
    const result = run(`${ssh} echo in; while [ "$(dunstctl count displayed)" = 0 ]; do sleep 0.05; done`);
    expect(await result).toMatchObject({ code: 0, stdout: "in\n" });
    expect(events()).toMatchObject([{ by: "rule:logging in" }]);
    dunstctl("close");
    expect(dunstctl("history")).toContain(`log in to alpha.example as ${user}`);
    lab.policy("");
    lab.config("");
  });

  it("is a notification of its own where several wait", async () => {
    const result = run(`${ssh} echo in & ssh-add -D & wait`);
    await shows(2);
    for (const { id } of await lab.pending(2)) await lab.muxguard("deny", id);
    await result;
    await shows(0);
  });

  it.each([
    ["the notification server is killed", () => dunst.kill("SIGKILL"), "the notification server is gone"],
    ["the bus is killed", () => bus.daemon.kill("SIGKILL"), "bus is gone"],
  ])("is denied when %s, and nobody else can be asked", async (_, kill, reason) => {
    const result = run(`${ssh} echo in`);
    await shows(1);
    kill();
    expect(await result).toMatchObject({ code: 255, stdout: "" });
    expect((await result).stderr).toContain(reason);
    expect(events()).toMatchObject([{ decision: "deny", by: "fault:approver" }]);
  });

  it("is not answered by a notification server that was started inside of the run", async () => {
    await endOf(dunst);
    const started = lab.path("started");
    const wait = `while ! dunstctl count > /dev/null 2>&1; do sleep 0.05; done; touch '${started}'`;
    const result = await run(
      `dunst -conf '${lab.path("dunstrc")}' & pid=$!; ${wait}; ${ssh} echo in; code=$?; kill $pid; exit $code`,
    );
    expect(existsSync(started)).toBe(true);
    expect(result).toMatchObject({ code: 255, stdout: "" });
    expect(result.stderr).toContain("the notification server can't be trusted");
  });
});
