/** x11-ssh-askpass on a screen that nobody sees, with keys and clicks as the X server passes them on. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { userInfo } from "node:os";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { AskpassLab } from "../../../lab/askpass-lab.ts";
import { Desk, HEIGHT, WIDTH } from "../../../lab/desktop/desk.ts";
import { Lab, until } from "../../../lab/lab.ts";
import { endOf } from "../../../lab/processes.ts";
import { describeWith, X11_ASKPASS } from "../tools.ts";

describeWith(["ssh", "sshd", "ssh-askpass"], "a login that x11-ssh-askpass is asked about", () => {
  const lab = new Lab();
  const key = lab.key("work");
  const user = userInfo().username;
  const starts = lab.path("starts");
  const told = lab.path("told");
  let desk: Desk;

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", key);
    await lab.startServer("alpha.example", key);
    desk = await Desk.open(lab);
    lab.environment.SSH_ASKPASS = lab.script(
      "askpass",
      `#!/bin/sh\necho $$ >> '${starts}'; printf '%s\\n' "$1" > '${told}'; exec ${X11_ASKPASS} "$@"\n`,
    );
  });
  beforeEach(() => {
    rmSync(starts, { force: true });
    lab.config('approvers = ["askpass", "queue"]\n');
  });
  afterEach(async () => {
    if (desk.windows().length > 0) await desk.press("Escape"); // the test has failed
    await running;
  });
  afterAll(async () => {
    await desk.close();
    await lab.close();
  });

  const ssh = `ssh -F ${lab.sshConfig} alpha.example`;
  let running: Promise<unknown> = Promise.resolve();

  function run(script: string) {
    const logged = lab.logged(() => lab.muxguard("run", "--scope", "work", "--", "sh", "-c", script));
    running = logged;
    return logged;
  }

  const pids = () => (existsSync(starts) ? readFileSync(starts, "utf8").trim().split("\n").map(Number) : []);
  const isAlive = (pid = 0) => existsSync(`/proc/${pid}/exe`);

  it("says who wants what, and goes on after Enter, also for the next one", async () => {
    const login = run(`${ssh} echo one; ${ssh} echo two`);
    await desk.asks();
    const text = readFileSync(told, "utf8");
    expect(text).toContain(`muxguard: ssh -> alpha.example as ${user}`);
    expect(text).toMatch(/\n\nmore: muxguard pending\nAllow it until this run ends\?\n$/);
    await desk.press("Return");
    const { result, events } = await login;
    expect(result).toMatchObject({ code: 0, stdout: "one\ntwo\n", stderr: "" });
    expect(events).toMatchObject([{ by: "approver:askpass" }, { by: `grant:${events[0]?.id}` }]);
    expect(pids()).toHaveLength(1);
  });

  it("goes on after a click on OK", async () => {
    const login = run(`${ssh} echo in`);
    await desk.asks();
    await desk.click("OK");
    expect((await login).result).toMatchObject({ code: 0, stdout: "in\n" });
  });

  it.each<[string, () => Promise<void>]>([
    ["Escape", () => desk.press("Escape")],
    ["a click on Cancel", () => desk.click("Cancel")],
  ])("is denied by %s, also at once", async (_, cancel) => {
    const login = run(`${ssh} echo in`);
    await desk.shows(1);
    await cancel();
    const { result, events } = await login;
    expect(result).toMatchObject({ code: 255, stdout: "" });
    expect(events).toMatchObject([{ decision: "deny", by: "approver:askpass", reason: "you said no" }]);
    expect(pids()).toHaveLength(1);
  });

  // where the machine takes longer to show a window than an Enter does not count, it is a late Enter
  const rarely = { retry: 2 };

  it("comes up again after an Enter that was meant for another window", rarely, async () => {
    const release = desk.hold("Return");
    const login = run(`${ssh} echo in`);
    await until(() => pids().length === 1 && !isAlive(pids()[0]), "the first answer");
    await release();
    await desk.asks();
    expect(pids()).toHaveLength(2);
    expect(readFileSync(told, "utf8")).toContain("\nYour last answer came too soon to count.\n");
    expect(await lab.pending()).toHaveLength(1);
    await desk.press("Return");
    const { result, events } = await login;
    expect(result).toMatchObject({ code: 0, stdout: "in\n" });
    expect(events).toMatchObject([{ decision: "allow", by: "approver:askpass" }]);
  });

  it("is never approved by a key that is held down", rarely, async () => {
    lab.config('approvers = ["askpass"]\n');
    const release = desk.hold("Return");
    const { result, events } = await run(`${ssh} echo in`);
    await release();
    expect(result).toMatchObject({ code: 255, stdout: "" });
    expect(result.stderr).toContain("askpass: it said OK at once, 3 times");
    expect(events).toMatchObject([{ decision: "deny", by: "fault:approver" }]);
    expect(pids()).toHaveLength(3);
  });

  it("leaves the screen when it is answered from elsewhere, or ssh goes away", async () => {
    const answered = run(`${ssh} echo in`);
    await desk.shows(1);
    const [question] = await lab.pending();
    await lab.muxguard("approve", question?.id ?? "");
    expect((await answered).result).toMatchObject({ code: 0, stdout: "in\n" });
    await desk.shows(0);
    const left = run(`${ssh} true`);
    await desk.shows(1);
    process.kill((await lab.pending())[0]?.caller.pid ?? 0, "SIGKILL");
    await left;
    await desk.shows(0);
  });

  it("does not push the question out of sight by a long command", async () => {
    const login = run(`${ssh} : ${"W".repeat(1000)}`);
    await desk.shows(1);
    const { x, y, width, height } = desk.geometry();
    expect(x).toBeGreaterThanOrEqual(0);
    expect(y).toBeGreaterThanOrEqual(0);
    expect(x + width).toBeLessThanOrEqual(WIDTH);
    expect(y + height).toBeLessThanOrEqual(HEIGHT);
    await desk.press("Escape");
    await login;
  });

  it("goes through a daemon that asks nobody else", async () => {
    lab.config('approvers = ["askpass"]\n');
    const daemon = await lab.startDaemon();
    const { result, events } = await lab.logged(async () => {
      const environment = { SSH_AUTH_SOCK: lab.agentSocket };
      const login = lab.run("ssh", ["-F", lab.sshConfig, "alpha.example", "echo", "in"], { environment });
      await desk.asks();
      await desk.press("Return");
      return login;
    });
    await endOf(daemon);
    expect(result).toMatchObject({ code: 0, stdout: "in\n" });
    expect(events).toMatchObject([{ decision: "allow", by: "approver:askpass" }]);
  });
});

describeWith(["ssh", "ssh-askpass"], "a key of ssh-add -c that x11-ssh-askpass is asked about", () => {
  const lab = new AskpassLab();
  const key = lab.key("work");
  let desk: Desk;

  beforeAll(async () => {
    desk = await Desk.open(lab);
    delete lab.environment.SSH_ASKPASS_REQUIRE;
    lab.config(`askpass = "${X11_ASKPASS}"\napprovers = ["askpass"]\n`);
    await lab.startAgent();
    await lab.run("ssh-add", ["-q", "-c", key]);
  });
  afterAll(async () => {
    await desk.close();
    await lab.close();
  });

  it.each([
    ["is used after Enter", "Return", 0, "allow"],
    ["is not used after Escape", "Escape", 255, "deny"],
  ])("%s", async (_, answer, code, decision) => {
    const { result, events } = await lab.logged(async () => {
      const signing = lab.run("ssh-keygen", ["-Y", "sign", "-n", "file", "-f", `${key}.pub`], { input: "x" });
      await desk.asks();
      await desk.press(answer);
      return signing;
    });
    expect(result.code).toBe(code);
    expect(events).toMatchObject([
      { kind: "confirm", operation: "use-key", decision, by: "approver:askpass" },
    ]);
  });
});
