/** The terminal of a run's own: between the command and the terminal that it was started on. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { Lab, MUXGUARD, until } from "../../../lab/lab.ts";
import { PYTHON } from "../../../lab/programs.ts";
import { Pty } from "../../../lab/terminal/pty.ts";
import { Terminal } from "../../../lab/terminal/terminal.ts";
import { describeWith } from "../tools.ts";
import { FULL_SCREEN, RAW, TIOCSTI } from "./terminal-programs.ts";

describeWith(["ssh", "python"], "a run on a terminal", () => {
  const lab = new Lab();
  beforeAll(() => lab.policy('default = "deny"\n'));
  afterAll(() => lab.close());

  const guarded = (...command: string[]): Pty =>
    new Pty(lab, process.execPath, MUXGUARD, "run", "--", ...command);

  it.each<[string, string[], number]>([
    ["0", ["true"], 0],
    ["its code", ["sh", "-c", "exit 7"], 7],
    ["128 and the signal's number", ["sh", "-c", "kill -TERM $$"], 143],
    ["128 and 9 for SIGKILL", ["sh", "-c", "kill -KILL $$"], 137],
    ["148, which is no stop", ["sh", "-c", "exit 148"], 148],
    ["127 where there is no such command", ["no-such-command"], 127],
  ])("ends as the command does, with %s", async (_, command, code) => {
    const terminal = guarded(...command);
    expect(await terminal.end()).toBe(code);
    if (code !== 127) expect(terminal.text.trim()).toBe("");
  });

  it("is one of its own, with all that a terminal has", async () => {
    const script =
      "tty; tty </dev/tty; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo all; ps -o tpgid= -p $$; echo $$";
    const terminal = new Pty(
      lab,
      "sh",
      "-c",
      `tty; '${process.execPath}' '${MUXGUARD}' run -- sh -c '${script}'`,
    );
    expect(await terminal.end()).toBe(0);
    const [outer, inner, own, all, foreground, pid] = terminal.text.trim().split(/\s+/);
    expect(inner).toMatch(/^\/dev\/pts\/\d+$/);
    expect(inner).not.toBe(outer);
    expect([own, all, foreground]).toEqual(["/dev/tty", "all", pid]);
  });

  it("has the size of the outer one, and follows it", async () => {
    const script = "trap 'stty size; kill $!; exit 7' WINCH; stty size; sleep 1000 & wait";
    const terminal = guarded("sh", "-c", script);
    await terminal.shows("30 100");
    terminal.resize(41, 121);
    await terminal.shows("41 121");
    expect(await terminal.end()).toBe(7);
  });

  it("passes all bytes on as they are, both ways", async () => {
    const keys = `${String.fromCharCode(...Array.from({ length: 128 }, (_, code) => code))}é€`;
    const typed = Buffer.from(keys);
    const terminal = guarded(PYTHON, "-c", RAW, String(typed.length));
    await terminal.shows("READY");
    terminal.type(keys);
    expect(await terminal.end()).toBe(0);
    expect(terminal.text).toContain(`[${typed.toString("hex")}]`);
    const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const sent = Buffer.concat(Array<Buffer>(400).fill(every));
    const [from, to] = [terminal.bytes.indexOf("BEGIN") + 5, terminal.bytes.lastIndexOf("END")];
    expect(terminal.bytes.subarray(from, to).equals(sent)).toBe(true);
  });

  it("shows all that was printed, also what came last", async () => {
    const terminal = guarded("seq", "40000");
    expect(await terminal.end()).toBe(0);
    const lines = terminal.text.trim().split("\r\n");
    expect(lines).toHaveLength(40_000);
    expect(lines.at(-1)).toBe("40000");
  });

  it("is not there where stdout or stdin is none", async () => {
    const muxguard = `'${process.execPath}' '${MUXGUARD}' run --`;
    const script = `tty; ${muxguard} tty | cat; echo | ${muxguard} sh -c 'tty <&1'`;
    const terminal = new Pty(lab, "sh", "-c", script);
    expect(await terminal.end()).toBe(0);
    const [outer, ...inside] = terminal.text.trim().split("\r\n");
    expect(inside).toEqual([outer, outer]);
  });

  it("has stderr where it was, if that is no terminal", async () => {
    const file = lab.path("stderr");
    const line = `'${process.execPath}' '${MUXGUARD}' run -- sh -c 'tty; echo err >&2' 2>${file}`;
    const terminal = new Pty(lab, "sh", "-c", line);
    expect(await terminal.end()).toBe(0);
    expect(terminal.text).toMatch(/^\s*\/dev\/pts\/\d+\s*$/);
    expect(readFileSync(file, "utf8")).toBe("err\n");
  });

  it("gives the command the environment, odd names too, and no descriptor more", async () => {
    const environment = "env 'BASH_FUNC_f%%=() { echo hi; }' a-b=1 'c=d e'";
    const show = `env -u _ -u SHLVL | grep -aE "^(a-b|c|BASH_FUNC)"; ls /proc/self/fd | wc -l`;
    const bare = new Pty(lab, "sh", "-c", `${environment} sh -c '${show}'`);
    const run = `'${process.execPath}' '${MUXGUARD}' run --`;
    const inside = new Pty(lab, "sh", "-c", `${environment} ${run} sh -c '${show}'`);
    expect([await bare.end(), await inside.end()]).toEqual([0, 0]);
    expect(inside.text).toBe(bare.text);
    const odd = new Pty(lab, "sh", "-c", `${environment} ${run} env`);
    expect(await odd.end()).toBe(0);
    for (const one of ["BASH_FUNC_f%%=() { echo hi; }", "a-b=1", "c=d e"])
      expect(odd.text.split("\r\n")).toContain(one);
  });
});

describeWith(["ssh", "tmux", "python"], "the terminal of a run, in a shell", () => {
  const lab = new Lab();
  const run = "muxguard run --";
  let terminal: Terminal;
  let settings: string;

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", lab.key("work"));
    lab.script("muxguard", `#!/bin/sh\nexec '${process.execPath}' '${MUXGUARD}' "$@"\n`);
    writeFileSync(lab.path("sti.py"), TIOCSTI);
    writeFileSync(lab.path("full.py"), FULL_SCREEN);
  });
  beforeEach(async () => {
    const env = { ...lab.environment, TMUX_TMPDIR: lab.folder, PATH: `${lab.folder}:${process.env.PATH}` };
    terminal = new Terminal(env, lab.folder, undefined, 120, 40);
    settings = await terminal.output("stty -a");
  });
  afterEach(() => terminal.close());
  afterAll(() => lab.close());

  /** What is typed while a run goes on is the run's: the shell says when it is over. */
  const FG = "fg; echo ba''ck $?";

  const shownModes = (text: string): string => text.trim().replaceAll(/\s+/g, " ");

  async function isSane(): Promise<void> {
    expect(await terminal.output("stty -a")).toBe(settings);
  }

  it("stops with Ctrl-Z, and goes on in the foreground", async () => {
    terminal.enter(`${run} sh -c 'echo begun; read line; echo got $line'; echo code $?`);
    await terminal.shows(/^begun$/m);
    terminal.press("C-z");
    await terminal.shows("Stopped");
    await isSane();
    terminal.enter(FG);
    terminal.enter("words");
    await terminal.shows("got words");
    await terminal.shows("back 0");
    await isSane();
  });

  it("stops with what is stopped inside, and goes on in the background", async () => {
    const file = lab.path("pid");
    terminal.enter(`${run} sh -c 'echo $$ >${file}; kill -STOP $$; echo gone on; exec sleep 1000'`);
    await terminal.shows("Stopped");
    await isSane();
    terminal.enter("bg");
    await terminal.shows(/gone on$/m);
    await isSane();
    terminal.enter(FG);
    await terminal.shows(/^muxguard run/m);
    terminal.press("C-c");
    await terminal.shows("back 130");
    await isSane();
    await until(() => !existsSync(`/proc/${readFileSync(file, "utf8").trim()}`), "the end of the command");
  });

  it.each([
    ["C-c", 130],
    ["C-\\", 131],
  ])("ends the command with %s alone", async (key, code) => {
    terminal.enter(`${run} sh -c 'echo begun; exec sleep 1000'; echo code $?`);
    await terminal.shows(/^begun$/m);
    terminal.press(key);
    await terminal.shows(`code ${code}`);
    await isSane();
  });

  it("leaves job control to a shell inside", async () => {
    terminal.enter(`${run} bash --norc --noprofile; echo code $?`);
    terminal.enter("echo ins''ide; sh -c 'echo begun; exec sleep 1000'");
    await terminal.shows(/^begun$/m);
    terminal.press("C-z");
    await terminal.shows("Stopped");
    terminal.enter("fg");
    await terminal.shows(/^sh -c 'echo begun/m);
    terminal.press("C-c");
    terminal.enter("exit 5");
    await terminal.shows("code 5");
    await isSane();
  });

  it("takes no keys from the background, and all of them in the foreground", async () => {
    terminal.enter(`${run} sh -c 'echo begun; read line; echo got $line' &`);
    await terminal.shows(/begun$/m);
    expect(await terminal.output("echo mine")).toBe("mine");
    await isSane();
    terminal.enter(FG);
    terminal.enter("words");
    await terminal.shows("got words");
    await terminal.shows("back 0");
    await isSane();
  });

  it("is no shell's line editor's, where it begins while that has the outer one", async () => {
    const file = lab.path("modes");
    terminal.enter(`(sleep 0.5; exec ${run} sh -c 'stty -a; read line; stty -a >${file}; echo got $line') &`);
    await terminal.shows(/ icanon /);
    expect(terminal.screen()).toMatch(/ icrnl /);
    terminal.enter(FG);
    terminal.enter("words");
    await terminal.shows("got words");
    await terminal.shows("back 0");
    expect(shownModes(readFileSync(file, "utf8"))).toBe(shownModes(settings));
    await isSane();
  });

  it.each(["SIGTERM", "SIGHUP", "SIGUSR1"] as const)("is put back when %s ends the run", async (signal) => {
    terminal.enter(
      `${run} sh -c 'ps -o ppid= -p $PPID; stty raw; echo begun; exec sleep 1000'; echo code $?`,
    );
    await terminal.shows(/^begun/m);
    const [holder] = /^ *\d+$/m.exec(terminal.screen()) ?? [];
    process.kill(Number(holder), signal);
    await terminal.shows(/code \d+/);
    await isSane();
  });

  it("tells what is inside that the terminal is gone", async () => {
    const [ready, file] = [lab.path("ready"), lab.path("hung-up")];
    terminal.enter(
      `${run} sh -c 'trap "echo \\$? >${file}; exit" HUP; touch ${ready}; while :; do sleep 0.1; done'`,
    );
    await until(() => existsSync(ready), "the command");
    terminal.close();
    await until(() => existsSync(file), "SIGHUP");
  });

  it("is where TIOCSTI ends: nothing is typed into the shell outside", async () => {
    const typed = (name: string): string => `python3 sti.py 'touch ${name}'`;
    terminal.enter(typed("bare"));
    await terminal.shows(/^(pushed|refused \d+)$/m);
    // what a program gains without the guard, where the kernel lets it
    if (/^pushed$/m.test(terminal.screen()))
      await until(() => existsSync(lab.path("bare")), "the typed command");
    terminal.enter(`clear; ${run} ${typed("through")}; echo over`);
    await terminal.shows(/^(pushed|refused \d+)\s+over$/m);
    expect(await terminal.output("echo still mine")).toBe("still mine");
    expect(existsSync(lab.path("through"))).toBe(false);
  });

  it("has its full screen again after a question, whose keys it has not got", async () => {
    const keys = lab.path("keys");
    rmSync(keys, { force: true });
    terminal.enter(`${run} python3 full.py ${keys} ssh-add -D; echo code $?`);
    await terminal.shows(/^the program, 40 lines[\s\S]*its last line/);
    terminal.press("x");
    await terminal.isAsked();
    expect(terminal.screen()).not.toContain("the program");
    terminal.press("Down", "Up", "j", "Enter");
    await terminal.shows(/^the program, 40 lines[\s\S]*its last line/);
    expect(terminal.screen()).not.toContain("Allow it?");
    expect(lab.log().at(-1)).toMatchObject({ decision: "deny", by: "approver:terminal" });
    terminal.press("q");
    await terminal.shows("code 0");
    expect(readFileSync(keys, "utf8")).toBe("xq");
    await isSane();
  });
});
