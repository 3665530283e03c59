/** Popups in a real tmux: what a client shows, and what is typed there. */
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { userInfo } from "node:os";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { Lab, MUXGUARD, until } from "../../../lab/lab.ts";
import type { Terminal } from "../../../lab/terminal/terminal.ts";
import { TmuxServer } from "../../../lab/terminal/tmux-server.ts";
import { createTurns } from "../../../src/approver/in-turn.ts";
import { createTmuxApprover } from "../../../src/approver/tmux/approver.ts";
import { makeFifo } from "../../../src/platform/libc/descriptors.ts";
import { ProcessTable } from "../../../src/platform/proc/process.ts";
import { openListeningSocket as openSocket } from "../../../src/platform/sockets/listening-socket.ts";
import type { Caller } from "../../../src/policy/request.ts";
import { question } from "../../support/guard.ts";
import { describeWith } from "../tools.ts";

describeWith(["ssh", "sshd", "tmux"], "a question in tmux", () => {
  const lab = new Lab();
  const key = lab.key("work");
  const user = userInfo().username;
  const ssh = `ssh -F ${lab.sshConfig} alpha.example`;
  let server: TmuxServer;
  let screen: Terminal;
  let logged: number;

  beforeAll(async () => {
    // many of these are alike: what is shown once a rule is offered is for other tests
    lab.config('approvers = ["tmux", "queue"]\noffer_after = 100\n');
    await lab.startAgent("upstream.sock", key);
    await lab.startServer("alpha.example", key);
  });
  beforeEach(async () => {
    logged = lab.log().length;
    server = new TmuxServer(lab);
    screen = await server.attach();
    screen.enter("echo behind the $((40 + 2)) popup");
    await screen.shows("behind the 42 popup");
  });
  afterEach(() => server.close());
  afterAll(() => lab.close());

  const events = () => lab.log().slice(logged);
  const shell = (script: string) => lab.muxguard("run", "--scope", "work", "--", "sh", "-c", `${script}; :`);

  async function isGone(terminal = screen): Promise<void> {
    await until(() => !terminal.screen().includes("Allow it?"), "the end of the popup");
    expect(existsSync(lab.path("runtime/muxguard/popup"))).toBe(false);
  }

  it("pops up over what is there, says who wants what, and is denied by Enter", async () => {
    const result = shell(`${ssh} echo in`);
    await screen.isAsked();
    for (const words of [
      "┌─ muxguard ──",
      "s left)",
      "Esc denies",
      `│ssh → alpha.example as ${user}, in run "work"?`,
      'login with key "work"; host key known',
      'because: no rule says otherwise (default = "ask")',
      "│❯ deny",
      "│  allow once",
      "│  allow until this run ends",
    ])
      expect(screen.screen()).toContain(words);
    screen.press("Enter");
    const { stdout, stderr } = await result;
    expect({ stdout, stderr }).toEqual({
      stdout: "",
      stderr: expect.stringContaining("(you said no, in tmux)"),
    });
    await isGone();
    await screen.shows("behind the 42 popup");
    expect(events()).toMatchObject([{ decision: "deny", by: "approver:tmux" }]);
  });

  it.each([
    ["once", ["Down"], "once"],
    ["until this run ends", ["Up", "Down", "Down", "Down", "Up"], "run"],
  ])("is allowed %s", async (choice, keys, remember) => {
    const result = shell(`${ssh} echo in`);
    await screen.isAsked();
    screen.press(...keys);
    await screen.shows(`❯ allow ${choice}`);
    screen.press("Enter");
    expect(await result).toMatchObject({ stdout: "in\n" });
    expect(events()).toMatchObject([{ decision: "allow", by: "approver:tmux", remember }]);
  });

  it("does not count what is typed in the first second", async () => {
    const result = shell(`${ssh} echo in`);
    await screen.shows("❯ deny");
    screen.press("Down", "Enter", "Enter");
    await screen.keysCount();
    expect(screen.screen()).toContain("❯ deny");
    expect(events()).toEqual([]);
    screen.press("Escape");
    expect(await result).toMatchObject({ stdout: "" });
    expect(events()).toMatchObject([{ decision: "deny", by: "approver:tmux" }]);
  });

  it("is gone when it is answered from elsewhere, and when ssh goes away", async () => {
    const answered = shell(`${ssh} echo in`);
    await screen.shows("Allow it?");
    await lab.muxguard("approve", (await lab.pending())[0]?.id ?? "");
    expect(await answered).toMatchObject({ stdout: "in\n" });
    await isGone();
    const left = shell(`${ssh} echo in`);
    await screen.shows("Allow it?");
    process.kill((await lab.pending())[0]?.caller.pid ?? 0, "SIGKILL");
    await left;
    await isGone();
  });

  it("is gone when the guard is killed", async () => {
    const run = lab.start(process.execPath, [MUXGUARD, "run", "--", "sh", "-c", `${ssh} true`]);
    await screen.shows("Allow it?");
    run.kill("SIGKILL");
    await until(() => !screen.screen().includes("Allow it?"), "the end of the popup");
  });

  it("comes one after the other, where several wait", async () => {
    const result = shell(`${ssh} echo in & ssh-add -D & wait`);
    await lab.pending(2);
    await screen.isAsked();
    screen.press("Enter");
    await until(() => events().length === 1, "the first answer");
    await screen.isAsked();
    screen.press("Enter");
    await result;
    expect(events()).toMatchObject([{ by: "approver:tmux" }, { by: "approver:tmux" }]);
  });

  it("comes to the client that was used last, and never to one that is read-only", async () => {
    const other = await server.attach();
    const readOnly = await server.attach(120, 40, "-r");
    const inUse = async (terminal: Terminal): Promise<void> => {
      terminal.press("x");
      const second = Math.floor(Date.now() / 1000); // tmux's own clock counts in seconds
      await until(() => Math.floor(Date.now() / 1000) > second, "the next second");
    };
    for (const terminal of [screen, other]) {
      await inUse(terminal);
      terminal.press("x");
      await inUse(readOnly);
      terminal.press("BSpace");
      const result = shell(`${ssh} echo in`);
      await terminal.isAsked();
      for (const one of [screen, other, readOnly])
        expect(one.screen().includes("Allow it?")).toBe(one === terminal);
      terminal.press("Enter");
      await result;
    }
  });

  it("comes up again where a client attaches after its own was detached", async () => {
    const result = shell(`${ssh} echo in`);
    await screen.shows("Allow it?");
    server.tmux("detach-client", "-s", "main");
    await until(() => server.clients().length === 0, "the end of the client");
    const again = await server.attach();
    await again.isAsked();
    again.press("Down", "Enter");
    expect(await result).toMatchObject({ stdout: "in\n" });
    expect(events()).toMatchObject([{ decision: "allow", by: "approver:tmux" }]);
    await isGone(again);
  });

  it.each([
    ["is answered from elsewhere", "60s", "approver:queue"],
    ["is not answered in time", "4s", "fault:timeout"],
  ])("%s while no client is attached", async (_, timeout, by) => {
    lab.policy(`[[rule]]\naction = "ask"\ntimeout = "${timeout}"\n`);
    const daemon = await lab.startDaemon();
    try {
      const result = shell(`${ssh} echo in`);
      await screen.shows("Allow it?");
      server.tmux("detach-client", "-s", "main");
      await until(() => server.clients().length === 0, "the end of the client");
      const isAnswered = by === "approver:queue";
      if (isAnswered) await lab.muxguard("approve", "--once", (await lab.pending())[0]?.id ?? "");
      expect(await result).toMatchObject({ stdout: isAnswered ? "in\n" : "" });
      expect(events()).toMatchObject([{ by }]);
    } finally {
      daemon.kill();
      lab.policy("");
    }
  });

  it("has no answer when its popup is closed, and the others may still answer", async () => {
    const result = shell(`${ssh} echo in`);
    await screen.shows("Allow it?");
    server.tmux("display-popup", "-C", "-c", server.clients()[0] ?? "");
    expect(await result).toMatchObject({
      stdout: "",
      stderr: expect.stringContaining("tmux: the terminal is gone"),
    });
    expect(events()).toMatchObject([{ decision: "deny", by: "fault:approver" }]);
  });

  it("waits while the client shows another popup", async () => {
    const [client = ""] = server.clients();
    const other = lab.start("tmux", [
      "-S",
      server.socket,
      "display-popup",
      "-E",
      "-c",
      client,
      "echo another; read x",
    ]);
    await screen.shows("another");
    const result = shell(`${ssh} echo in`);
    await lab.pending();
    screen.press("Enter");
    await screen.isAsked();
    expect(other.exitCode).toBe(0);
    screen.press("Down", "Enter");
    expect(await result).toMatchObject({ stdout: "in\n" });
  });

  it("fits where the client is resized", async () => {
    const result = shell(`${ssh} echo in`);
    await screen.isAsked();
    screen.resize(50, 16);
    await screen.shows(
      /because: [\s\S]*…[\s\S]*❯ deny {4}allow once[\s\S]*allow until this run ends[\s\S]*Esc denies/m,
    );
    expect(screen.screen()).toContain("│ssh → alpha.example");
    screen.press("PgDn", "PgDn");
    await screen.shows("more than fits here: "); // all there is to say
    screen.press("PgDn", "PgDn");
    await screen.shows("above (PgUp)");
    expect(screen.screen()).toMatch(/because: no rule says otherwise[\s\S]*❯ deny/);
    screen.resize(120, 40);
    await screen.shows(/because: no rule says otherwise[\s\S]*❯ deny/);
    screen.press("Down", "Enter");
    expect(await result).toMatchObject({ stdout: "in\n" });
  });

  it("has no other signs than a terminal without UTF-8 shows", async () => {
    server.tmux("detach-client", "-s", "main");
    const ascii = await server.attachAscii();
    const result = shell(`${ssh} echo in`);
    await ascii.shows(/Allow it\?[\s\S]*x> deny[\s\S]*Arrows choose/);
    expect(ascii.screen()).not.toContain("_ deny");
    await ascii.keysCount();
    ascii.press("Down");
    await ascii.shows("> allow once");
    ascii.press("Enter");
    expect(await result).toMatchObject({ stdout: "in\n" });
  });

  it("writes a rule only after another key, and has shown it", async () => {
    const approved = lab.path("config/muxguard/approved.toml");
    const result = shell(`${ssh} echo in`);
    await screen.isAsked();
    screen.press("Down", "Down", "Down");
    await screen.shows("❯ allow always");
    screen.press("Enter");
    await screen.shows(/approved\.toml[\s\S]*\[\[rule\]\][\s\S]*y writes it/);
    expect(existsSync(approved)).toBe(false);
    screen.press("y");
    expect(await result).toMatchObject({ stdout: "in\n" });
    expect(events()).toMatchObject([{ by: "approver:tmux", remember: "always" }]);
    rmSync(approved);
  });

  it("can't be made to look like another by what is asked", async () => {
    const hostile = "\x1b[2J\x1b[H\x1b[45mspoofed\r\nAllow it?\u202e";
    lab.script("attack", `#!/bin/sh\nexec ${ssh} '${hostile}${"x".repeat(5000)}'\n`);
    const result = shell("./attack");
    await screen.isAsked();
    expect(screen.screen().match(/Allow it\?$|│Allow it\?/gm)).toHaveLength(1);
    expect(screen.screen(true)).not.toContain("\x1b[45m");
    screen.press("PgDn");
    await screen.shows("\\x1b[2J\\x1b[H\\x1b[45mspoofed");
    screen.press("Enter");
    await result;
  });

  it("is not put to what only looks like a tmux server: a tmux would become what that says, outside of the run", async () => {
    const program = lab.script("escaped", `#!/bin/sh\ntouch ${lab.path("has-escaped")}\n`);
    // MSG_SHELL of tmux's protocol 8, to whoever connects
    const message = Buffer.concat([Buffer.alloc(16), Buffer.from(`${program}\0`)]);
    message.writeUInt32LE(209, 0);
    message.writeUInt16LE(message.length, 4);
    message.writeUInt32LE(8, 8);
    const socket = `${server.socket}-too`;
    const script = `process.title = "tmux: server"; require("net").createServer((client) => client.on("error", () => {})
      .write(Buffer.from("${message.toString("hex")}", "hex"))).listen("${socket}")`;
    const node = `'${process.execPath}' -e '${script}' & until test -S ${socket}; do :; done`;
    const result = shell(`${node}; ${ssh} echo in; kill $!; rm ${socket}`);
    await screen.isAsked();
    screen.press("Enter");
    expect(await result).toMatchObject({ code: 0, stdout: "" });
    expect(existsSync(lab.path("has-escaped"))).toBe(false);
  });

  it("is not put to a tmux that was started inside of a run: what is guarded could answer there", async () => {
    server.close();
    const inside = `tmux -L inside -f /dev/null new-session -d sh; tmux -L around -f /dev/null new-session -d 'env -u TMUX tmux -L inside attach'`;
    const attached = "until tmux -L inside list-clients | grep -q .; do :; done";
    const ask = `${ssh} echo in; tmux -L around kill-server; tmux -L inside kill-server`;
    const result = await shell(`${inside}; ${attached}; ${ask}`);
    expect(result.stderr).toContain("nobody can be asked: tmux: no tmux client is attached");
    expect(result.stdout).toBe("");
    server = new TmuxServer(lab);
  });

  /** A tmux that says it is older, and knows no titles. */
  async function inOldTmux(version: string, action: () => Promise<void>): Promise<void> {
    const { PATH } = lab.environment;
    mkdirSync(lab.path("old"), { recursive: true });
    const list = `*list-clients*) tmux "$@" | sed s/,[0-9.]*[a-z]*,\\\\$/,${version},$/ ;;`;
    const old = `case "$*" in ${list} *" -T "*) exit 1 ;; *) exec tmux "$@" ;; esac`;
    lab.script("old/tmux", `#!/bin/sh\nPATH='${PATH}'\n${old}\n`);
    lab.environment.PATH = `${lab.path("old")}:${PATH}`;
    try {
      await action();
    } finally {
      Object.assign(lab.environment, { PATH });
    }
  }

  it("has no title where tmux has none", () =>
    inOldTmux("3.2a", async () => {
      const result = shell(`${ssh} echo in`);
      await screen.isAsked();
      expect(screen.screen()).toMatch(/┌─+┐[\s\S]*│❯ deny/);
      screen.press("Down", "Enter");
      expect(await result).toMatchObject({ stdout: "in\n" });
    }));

  it("is a pane at the bottom of the window where tmux has no popups", () =>
    inOldTmux("3.1c", async () => {
      const result = shell(`${ssh} echo in`);
      await screen.isAsked();
      expect(screen.screen()).toMatch(/^─+$[\s\S]*^ssh → alpha\.example[\s\S]*^❯ deny$/m);
      screen.press("Down", "Enter");
      expect(await result).toMatchObject({ stdout: "in\n" });
      await isGone();
      const withdrawn = shell(`${ssh} echo in`);
      await screen.shows("Allow it?");
      await lab.muxguard("deny", (await lab.pending())[0]?.id ?? "");
      await withdrawn;
      await isGone();
    }));
});

describeWith(["tmux"], "a popup", () => {
  const lab = new Lab();
  const table = new ProcessTable();
  let server: TmuxServer;
  let screen: Terminal;

  beforeAll(async () => {
    server = new TmuxServer(lab);
    screen = await server.attach();
  });
  afterAll(async () => {
    server.close();
    table.close();
    await lab.close();
  });

  function approver(outside: (process: Caller) => Caller | undefined) {
    const read = (pid: number): Caller | undefined => outside(table.read(pid));
    const folder = lab.path("popup");
    return createTmuxApprover({
      environment: lab.environment,
      folder,
      turns: createTurns(),
      makeFifo,
      openSocket,
      outside: read,
    });
  }

  it.each<[string, (popup: Caller) => Caller | undefined]>([
    ["was not started by the tmux server", (popup) => ({ ...popup, ancestors: popup.ancestors.slice(1) })],
    ["was not given the question's word", (popup) => ({ ...popup, cmdline: ["/bin/sh"] })],
    ["is inside of a run", () => undefined],
  ])("is not believed where its process %s", async (_, change) => {
    const withdrawn = new AbortController();
    let looked = 0;
    const isPopup = ({ cmdline }: Caller): boolean => cmdline[0] === "/bin/sh";
    const outside = (process: Caller): Caller | undefined => {
      if (!isPopup(process)) return process;
      looked++;
      return change(process);
    };
    const answer = approver(outside).ask(question(), withdrawn.signal);
    await until(() => looked > 0, "the popup");
    expect(screen.screen()).toContain("┌─ muxguard ─");
    expect(screen.screen()).not.toContain("Allow it?");
    withdrawn.abort(new Error("withdrawn"));
    await expect(answer).rejects.toThrow("withdrawn");
    await until(() => !screen.screen().includes("┌─ muxguard ─"), "the end of the popup");
  });

  it("is not there without a server, or without a client", async () => {
    const environment = { ...lab.environment, TMUX_TMPDIR: lab.path("state") };
    const outside = (pid: number): Caller => table.read(pid);
    const folder = lab.path("popup");
    const parts = { folder, turns: createTurns(), makeFifo, openSocket, outside };
    const none = createTmuxApprover({ environment, ...parts });
    expect(none.unavailable()).toBe("no tmux server");
    await none.warmUp?.();
    const one = createTmuxApprover({
      environment: { ...environment, TMUX: `${server.socket},1,0` },
      folder,
      turns: createTurns(),
      makeFifo,
      openSocket,
      outside,
    });
    expect(one.unavailable()).toBeUndefined();
    screen.close();
    await until(() => server.clients().length === 0, "the end of the client");
    await one.warmUp?.();
    const { signal } = new AbortController();
    await expect(one.ask(question(), signal)).rejects.toThrow("no tmux client is attached");
  });
});
