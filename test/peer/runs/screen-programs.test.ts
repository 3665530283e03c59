/** Programs that fill the screen, or hand it to a server, on the terminal of a run's own. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { Lab, MUXGUARD, until } from "../../../lab/lab.ts";
import { SERVERS_HAVE_TERMINALS } from "../../../lab/terminal/server-terminals.ts";
import { Terminal } from "../../../lab/terminal/terminal.ts";
import { describeWith } from "../tools.ts";
import { SLOW_TO_STOP } from "./terminal-programs.ts";

const [COLUMNS, ROWS] = [120, 40];
/** In milliseconds. Each look is a program. */
const [LIMIT, PAUSE] = [20_000, 100];
const POLICY = 'default = "ask"\n[[rule]]\nname = "web"\nhost = "web"\naction = "allow"\n';
const FG = "fg; echo ba''ck $?";

/** What fills a screen, but for its last row. */
type Drawn = (rows: number) => string[];

const vi =
  (...lines: string[]): Drawn =>
  (rows) => [...lines, ...Array<string>(rows - lines.length).fill("~")];

const less =
  (first: number): Drawn =>
  (rows) =>
    Array.from({ length: rows }, (_, row) => `line ${first + row}`);

const tools = ["ssh", "sshd", "tmux", "vi", "less", "python"];
describeWith(tools, "the screen of a run", () => screens("muxguard run --"));
describeWith([...tools, "bwrap"], "the screen of a confined run", () => screens("muxguard run --confine --"));

function screens(run: string): void {
  const lab = new Lab();
  let terminal: Terminal;
  let settings: string;
  let prompt: string;

  beforeAll(async () => {
    mkdirSync(lab.path("home"), { mode: 0o700 });
    lab.policy(POLICY);
    await lab.startAgent("upstream.sock", lab.key("work"));
    await lab.startServer("web", lab.path("work"));
    lab.script("muxguard", `#!/bin/sh\nexec '${process.execPath}' '${MUXGUARD}' "$@"\n`);
    const lines = Array.from({ length: 500 }, (_, index) => `line ${index + 1}\n`);
    writeFileSync(lab.path("long"), lines.join(""));
  });
  beforeEach(async () => {
    const [HOME, PATH] = [lab.path("home"), `${lab.folder}:${process.env.PATH}`];
    const env = { ...lab.environment, HOME, PATH, TMUX_TMPDIR: lab.folder, LESS: "" };
    terminal = new Terminal(env, lab.folder, undefined, COLUMNS, ROWS);
    settings = await terminal.output("stty -a");
    terminal.enter("clear; echo the main screen");
    await terminal.shows(/^the main screen\n.+\n*$/);
    prompt = shown()[1] ?? "";
  });
  afterEach(() => terminal.close());
  afterAll(() => lab.close());

  /** The rows of the screen, down to the last one in which there is something. */
  function shown(): string[] {
    const rows = terminal.screen().trimEnd().split("\n");
    return rows.map((row) => row.trimEnd());
  }

  async function is(wanted: string, look: () => string): Promise<void> {
    const what = () => `this on the screen:\n${wanted}\nwhere there is:\n${terminal.screen()}`;
    await until(() => look() === wanted, what, LIMIT, PAUSE);
  }

  const fills = (drawn: Drawn, rows = ROWS): Promise<void> =>
    is(drawn(rows - 1).join("\n"), () => {
      const all = shown();
      return all.slice(0, rows - 1).join("\n") + all.slice(rows).join("\n");
    });

  /** Types a command for the shell. @returns the screen with it */
  function typed(command: string): string[] {
    const before = shown();
    terminal.enter(command);
    return [...before.slice(0, -1), `${before.at(-1)} ${command}`];
  }

  /** The main screen is what it was, and goes on behind that. So are the terminal's modes. */
  async function isBack(before: string[], ...said: string[]): Promise<void> {
    await is([...before, ...said, prompt].join("\n"), () => shown().join("\n"));
    expect(await terminal.output("stty -a")).toBe(settings);
    await until(() => shown().at(-1) === prompt, "the prompt", LIMIT, PAUSE);
  }

  /** Another size, and back. */
  async function isResized(drawn: Drawn): Promise<void> {
    terminal.resize(100, 30);
    await fills(drawn, 30);
    terminal.resize(COLUMNS, ROWS);
    await fills(drawn);
  }

  /** Ctrl-Z gives the screen to the shell, and `fg` back. @returns the main screen */
  async function isStopped(command: string, before: string[], drawn: Drawn): Promise<string[]> {
    terminal.press("C-z");
    await isBack(before, "", `[1]+  Stopped                 ${command}`);
    const main = typed(FG);
    await fills(drawn);
    return [...main, command];
  }

  it("is vi's: keys, sizes and Ctrl-Z", async () => {
    const command = `${run} vi -u NONE -N written`;
    const before = typed(command);
    await fills(vi(""));
    terminal.press("iwords of vi", "Enter", "more", "Escape");
    const drawn = vi("words of vi", "more");
    await fills(drawn);
    await isResized(drawn);
    const main = await isStopped(command, before, drawn);
    terminal.enter(":wq");
    await isBack(main, "back 0");
    expect(readFileSync(lab.path("written"), "utf8")).toBe("words of vi\nmore\n");
  });

  it("is less's: keys, sizes and Ctrl-Z", async () => {
    const command = `${run} less long`;
    const before = typed(command);
    await fills(less(1));
    terminal.press("Space");
    await fills(less(ROWS));
    await isResized(less(ROWS));
    const main = await isStopped(command, before, less(ROWS));
    terminal.press("b");
    await fills(less(1));
    terminal.press("q");
    await isBack(main, "back 0");
  });

  it("is the shell's at Ctrl-Z only when the program has given it back, and so each time", async () => {
    writeFileSync(lab.path("slow.py"), SLOW_TO_STOP);
    const command = `${run} python3 slow.py`;
    const before = typed(command);
    const drawn: Drawn = (rows) => Array<string>(rows).fill("~");
    await fills(drawn);
    const main = await isStopped(command, before, drawn);
    terminal.press("C-z");
    // bash takes the stop for the end of its fg
    await isBack(main, "", `[1]+  Stopped                 ${command}`, "back 148");
    const again = typed("fg");
    await fills(drawn);
    terminal.press("q");
    await isBack([...again, command]);
  });

  it("is the shell's when one inside suspends itself", async () => {
    const command = `${run} bash --norc --noprofile`;
    terminal.enter(`PS1='inside> ' ${command}`);
    await terminal.shows(/^inside> $/m);
    terminal.enter("suspend");
    await terminal.shows(/^\[1\]\+ {2}Stopped .*\n.*[$#]\s*$/m);
    terminal.enter("fg");
    terminal.enter("echo go''es on; exit");
    // what was typed before the shell inside reads its keys is echoed in front of its prompt
    await terminal.shows(/inside> echo go''es on; exit\ngoes on$/m);
  });

  it("is a question's while vi has it, and vi's again, which has not got its keys", async () => {
    const asks = `(until [ -e ask ]; do sleep 0.1; done; ssh-add -D >asked 2>&1; echo $? >asked) &`;
    lab.script("edit", `#!/bin/sh\nrm -f ask asked\n${asks}\nexec vi -u NONE -N "$1"\n`);
    const before = typed(`${run} ./edit answered`);
    await fills(vi(""));
    terminal.press("iwords of vi", "Escape");
    await fills(vi("words of vi"));
    writeFileSync(lab.path("ask"), "");
    await terminal.isAsked();
    expect(terminal.screen()).not.toContain("words of vi");
    terminal.press("Down", "Up", "j", "Enter");
    await fills(vi("words of vi"));
    await until(() => existsSync(lab.path("asked")), "the answer");
    expect(lab.log().at(-1)).toMatchObject({ decision: "deny", by: "approver:terminal" });
    terminal.press("Aand more", "Escape");
    await fills(vi("words of viand more"));
    terminal.enter(":wq");
    // it was not said in the middle of vi
    await isBack(before, "muxguard: denied: remove all keys from the agent (you said no, on the terminal)");
    expect(readFileSync(lab.path("answered"), "utf8")).toBe("words of viand more\n");
  });

  it.skipIf(!SERVERS_HAVE_TERMINALS)("is a server's: keys, Ctrl-C, sizes, and its exit code", async () => {
    const shell = "'echo the''re; exec bash --norc --noprofile'";
    typed(`${run} ssh -F ${lab.sshConfig} -tt web ${shell}; echo code $?`);
    await terminal.shows(/^there$/m);
    const pid = lab.path("pid");
    terminal.enter(`sh -c 'echo $$ >${pid}; echo be''gun; exec sleep 1000'; echo le''ft $?`);
    await terminal.shows(/^begun$/m);
    expect(existsSync(`/proc/${readFileSync(pid, "utf8").trim()}`)).toBe(true);
    terminal.press("C-c");
    await until(() => !existsSync(`/proc/${readFileSync(pid, "utf8").trim()}`), "the end of what runs there");
    for (const [rows, columns] of [
      [30, 100],
      [ROWS, COLUMNS],
    ]) {
      terminal.resize(Number(columns), Number(rows));
      const size = `${rows} ${columns}`;
      terminal.enter(`until [ "$(stty size)" = "${size}" ]; do sleep 0.1; done; echo si''ze $(stty size)`);
      await terminal.shows(`size ${size}`);
    }
    terminal.enter("clear; exit 7");
    await terminal.shows(/^code 7$/m);
    expect(await terminal.output("stty -a")).toBe(settings);
  });
}
