/**
 * A person at a shell in tmux, with notifications on the desktop: what is asked there when they work as usual,
 * as each approver shows it.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { expect } from "vitest";
import { PrivateBus } from "../../../lab/desktop/bus.ts";
import { StubServer } from "../../../lab/desktop/notification-server.ts";
import { type Result, until } from "../../../lab/lab.ts";
import { MuxLab } from "../../../lab/mux-lab.ts";
import { signal } from "../../../lab/processes.ts";
import { ASKPASS, MUXGUARD } from "../../../lab/programs.ts";
import type { Terminal } from "../../../lab/terminal/terminal.ts";
import { TmuxServer } from "../../../lab/terminal/tmux-server.ts";
import { BRIEF_ROWS } from "../../../src/approver/screen/brief.ts";
import { programName } from "../../../src/policy/describe/caller.ts";
import { documented } from "../../support/usual-questions.ts";
import { ALLOW } from "../opened.ts";

/** So wide that what is longer here than in the document, as `-F`, is cut nowhere. */
const [COLUMNS, ROWS] = [130, 32];

/** In milliseconds. Each look is a program, which takes its time from those that are waited for. */
const [LIMIT, PAUSE] = [20_000, 50];

/** What a program for git is to be: not the user's own. */
const GIT = (key: string): string =>
  `[user]\nname = Me\nemail = me@laptop\nsigningkey = ${key}.pub\n[gpg]\nformat = ssh\n`;

/** A question as it is on the screens. */
export interface Shown {
  id: string;
  title: string;
  /** The rows of the notification. */
  rows: string[];
  /** Those of the popup, up to its answers. */
  popup: string[];
  /** Those on the run's own terminal, where it is asked there, too. */
  terminal: string[];
}

export class UsualDesk {
  readonly lab = new MuxLab();
  readonly ssh = `ssh -F ${this.lab.sshConfig}`;
  readonly #opened: (() => unknown)[] = [];
  #server: StubServer | undefined;
  #tmux: TmuxServer | undefined;
  #screen: Terminal | undefined;
  #heard = 0;
  #lines = 0;

  /** @param masters hosts that have a shared connection */
  async open(hosts: readonly string[], masters: readonly string[] = []): Promise<void> {
    const { lab } = this;
    const bus = await PrivateBus.start(lab.folder);
    this.#opened.push(() => bus.close());
    this.#server = await StubServer.start(await bus.client());
    lab.settings('approvers = ["notification", "terminal", "tmux", "queue"]\n');
    lab.policy(ALLOW);
    for (const host of ["prod-db", "prod-web", "build"])
      lab.host(host, [`ControlPath ${lab.sockets}/%n`, "ControlMaster auto"]);
    for (const folder of ["bin", "src", "me"]) mkdirSync(lab.path(folder));
    symlinkSync(MUXGUARD, lab.path("bin/muxguard"));
    symlinkSync(ASKPASS, lab.path("bin/muxguard-askpass"));
    Object.assign(lab.environment, {
      ...{ DBUS_SESSION_BUS_ADDRESS: bus.address, PATH: `${lab.path("bin")}:${lab.environment.PATH}` },
      ...{ GIT_CONFIG_GLOBAL: lab.path("gitconfig"), GIT_CONFIG_NOSYSTEM: "1" },
      ...{ GIT_SSH_COMMAND: this.ssh, RSYNC_RSH: this.ssh, LC_ALL: "C.UTF-8" },
    });
    await lab.open();
    writeFileSync(lab.path("gitconfig"), GIT(this.key));
    await Promise.all(hosts.map((host) => this.startHost(host)));
    for (const host of masters) await lab.startMaster(host, "-S", lab.controlPath(host));
    lab.policy("");
    this.sh("git init -q -b main src/site");
    const tmux = new TmuxServer(lab); // has what is in the environment by now
    this.#opened.unshift(() => tmux.close());
    this.#tmux = tmux;
    this.#screen = await tmux.attach(COLUMNS, ROWS);
    await this.run(`cd ${lab.path("src/site")}`);
  }

  async close(): Promise<void> {
    for (const close of this.#opened) await close();
    await this.lab.close();
  }

  /** That may log in anywhere. */
  get key(): string {
    return this.lab.path("me@laptop");
  }

  /** With a host key of its own. Nobody's start-up files are read there. */
  async startHost(name: string, known: "plain" | "no" = "plain"): Promise<void> {
    await this.lab.startServer(name, this.key, { known, config: [`SetEnv HOME=${this.lab.folder}`] });
  }

  /** What needs no question. @throws Error if it fails */
  sh(line: string): void {
    execFileSync("/bin/sh", ["-ec", line], { cwd: this.lab.folder, env: this.lab.environment });
  }

  /** A process that put itself into the background ends with the others. */
  endLast(pid: number): void {
    this.#opened.push(() => signal(pid));
  }

  /** Types a line. @returns its exit code, once it has ended */
  async run(line: string): Promise<number> {
    const mark = `line ${++this.#lines}`;
    this.#tmux?.tmux("send-keys", "-t", "main", "-l", `clear; ${line}; echo "${mark} ended: $?"`);
    this.#tmux?.tmux("send-keys", "-t", "main", "Enter");
    const code = (): string | undefined => new RegExp(`^${mark} ended: (\\d+)`, "m").exec(this.pane())?.[1];
    const what = (): string => `the end of ${line} on the screen:\n${this.pane()}`;
    await until(() => code() !== undefined, what, LIMIT, PAUSE);
    return Number(code());
  }

  /** What is behind the popup. */
  pane(): string {
    return this.#tmux?.tmux("capture-pane", "-p", "-t", "main") ?? "";
  }

  /** The next question, once it is on each of the screens. */
  async asked(): Promise<Shown> {
    const notified = await this.#server?.nth(++this.#heard);
    if (!notified) throw new Error("no notification server");
    const { title, text } = notified;
    const id = /^muxguard (\w+)/m.exec(text)?.[1] ?? "";
    await this.#screen?.shows(`│${title}`);
    const popup = rowsOf(this.#screen?.screen() ?? "", /│(.*)│/g);
    const pane = rowsOf(this.pane(), /^(.*)$/gm);
    const own = pane.findLastIndex((row) => row.startsWith(`muxguard: ${title}`));
    const terminal = own < 0 ? [] : upToBlank(pane.slice(own));
    return { id, title, rows: text.split("\n"), popup: upToBlank(popup), terminal };
  }

  allow({ id }: Pick<Shown, "id">): Promise<Result> {
    return this.lab.muxguard("approve", id, "--once");
  }

  deny({ id }: Pick<Shown, "id">): Promise<Result> {
    return this.lab.muxguard("deny", id);
  }

  /** Types a line, and allows what it asks, which is as the document has it. @returns the line's exit code */
  async allowed(name: string, line: string): Promise<number> {
    const done = this.run(line);
    const shown = await this.asked();
    await this.allow(shown);
    const code = await done;
    this.expectUsual(name, shown);
    return code;
  }

  /** As the document has it, in at most eight rows on each screen. */
  expectUsual(name: string, { title, rows, popup, terminal }: Shown): void {
    const lines = documented(name).map(byAnybody);
    const foot = rows.at(-1);
    expect(foot).toMatch(/^muxguard \w{6}(; more: muxguard pending)?$/);
    expect(this.#documented([title, ...rows.slice(0, -1)])).toEqual(lines);
    expect(this.#documented(popup)).toEqual(lines);
    if (terminal.length > 0)
      expect(this.#documented(terminal.map((row) => row.replace(/^(?:muxguard: | {2})/, "")))).toEqual(lines);
    for (const shown of [rows.slice(0, -1), popup, terminal])
      expect(shown.length).toBeLessThanOrEqual(BRIEF_ROWS);
  }

  /** Rows as the lines that they were broken from, with the names that the document has for what is here. */
  #documented(rows: readonly string[]): string[] {
    const { folder, sshConfig } = this.lab;
    return linesOf(rows).map((line) =>
      byAnybody(line)
        .replaceAll(` -F ${sshConfig}`, "")
        .replaceAll(`${folder}/me/`, "me/")
        .replaceAll(`${folder}/bin/`, "/usr/bin/")
        .replaceAll(`${folder}/src/`, "/home/me/src/")
        .replaceAll(programName({ ...NODE, exe: process.execPath }, 32), "node")
        .replace(/python3\.\d+/g, "python3.11")
        .replace(/SHA256:[\w+/]{43}/, "SHA256:…")
        .replace(/ at \/dev\/pts\/\d+$/, " at /dev/pts/3")
        .replace(/ ← tmux ← .*?(?=, at )/, " ← tmux") // what the machine starts everything by
        // root may see the executables of these, and where they are
        .replace(/^asked by: ssh-agent/, "asked by: (ssh-agent)")
        .replace(/^(asked by: )?node "muxguard"/, "$1(muxguard)")
        .replace(/(muxguard open build"), in ".*"$/, "$1"),
    );
  }
}

const NODE = { pid: 0, startTime: "", name: "node", cmdline: [] };

/** Whoever it is that the tests log in as. */
function byAnybody(line: string): string {
  const users = ["git", "root", "me", userInfo().username].join("|");
  return line.replace(new RegExp(` as (?:${users})(?=[?,])`, "g"), " as USER");
}

function rowsOf(screen: string, row: RegExp): string[] {
  return [...screen.matchAll(row)].map(([, text = ""]) => text.trimEnd());
}

function upToBlank(rows: readonly string[]): string[] {
  const blank = rows.indexOf("");
  return blank < 0 ? [...rows] : rows.slice(0, blank);
}

/** What follows a break is indented. */
function linesOf(rows: readonly string[]): string[] {
  const lines: string[] = [];
  for (const row of rows) {
    if (row.startsWith("    ")) lines.push(`${lines.pop()} ${row.trim()}`);
    else lines.push(row);
  }
  return lines;
}
