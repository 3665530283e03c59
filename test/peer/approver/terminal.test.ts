/** The prompt on a real terminal: bash in a tmux of its own. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { userInfo } from "node:os";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { Lab, MUXGUARD, until } from "../../../lab/lab.ts";
import { Terminal } from "../../../lab/terminal/terminal.ts";
import { RUN_HOLDER } from "../../../src/runs/in-run.ts";
import { describeWith } from "../tools.ts";

describeWith(["ssh", "sshd", "tmux"], "a question on the terminal", () => {
  const lab = new Lab();
  const key = lab.key("work");
  const user = userInfo().username;
  const run = "muxguard run --scope work";
  const ssh = `ssh -F ${lab.sshConfig} alpha.example`;
  let terminal: Terminal;
  let settings: string;
  let logged: number;

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", key);
    await lab.startServer("alpha.example", key);
    lab.script("muxguard", `#!/bin/sh\nexec '${process.execPath}' '${MUXGUARD}' "$@"\n`);
  });
  beforeEach(async () => {
    logged = lab.log().length;
    const env = { ...lab.environment, TMUX_TMPDIR: lab.folder, PATH: `${lab.folder}:${process.env.PATH}` };
    terminal = new Terminal(env, lab.folder);
    settings = await terminal.output("stty -a");
  });
  afterEach(() => terminal.close());
  afterAll(() => lab.close());

  const events = () => lab.log().slice(logged);

  /** Of the run whose question waits. */
  async function holder(): Promise<number> {
    const ancestors = (await lab.pending())[0]?.caller.ancestors ?? [];
    return ancestors.find(({ name }) => name === RUN_HOLDER)?.pid ?? 0;
  }

  async function isSane(): Promise<void> {
    expect(await terminal.output("stty -a")).toBe(settings);
  }

  it("says who wants what, and is denied by Enter: that is under the cursor", async () => {
    terminal.enter(`${run} ${ssh} echo in; echo code $?`);
    await terminal.isAsked();
    const screen = terminal.screen();
    for (const words of [
      `muxguard: ssh → alpha.example as ${user}, in run "work"?`,
      'login with key "work"; host key known',
      `${ssh} echo in`,
      lab.folder,
      'because: no rule says otherwise (default = "ask")',
      "❯ deny\n  allow once\n  allow until this run ends\n",
    ])
      expect(screen).toContain(words);
    terminal.press("Enter");
    await terminal.shows("code 255");
    expect(terminal.screen()).toMatch(/muxguard: denied: .*you said no/);
    expect(terminal.screen()).not.toContain("Allow it?");
    expect(events()).toMatchObject([{ decision: "deny", by: "approver:terminal", reason: "you said no" }]);
    await isSane();
  });

  it("wraps what a request says of itself, so that nothing of it begins where a line of the question does", async () => {
    terminal.resize(80, 60);
    const forged = "destination: github.com, host key known";
    terminal.enter(
      `clear; ${run} ${ssh} "true${" ".repeat(30)}${forged}${"x".repeat(61)} ${forged}"; echo code $?`,
    );
    await terminal.isAsked();
    const lines = terminal.screen().split("\n");
    const asked = lines.findIndex((line) => line.startsWith("? Allow it? ("));
    const shown = lines.slice(
      lines.findIndex((line) => line.startsWith("muxguard: ssh →")),
      asked,
    );
    // what the terminal itself has broken comes as one line
    expect(Math.max(...shown.map(({ length }) => length))).toBeLessThan(80);
    expect(shown.filter((line) => line !== "").length).toBeLessThanOrEqual(8);
    expect(shown.filter((line) => /^ {0,4}(?:destination|login)/.test(line))).toEqual([
      '  login with key "work"; host key known',
    ]);
    terminal.press("PgDn");
    await terminal.shows("destination: alpha.example, host key known");
    const whole = terminal.screen();
    expect(whole).toContain("\\x20\\x20\\x20");
    expect(whole.match(/^ {0,4}destination/gm)).toHaveLength(1);
    terminal.press("Enter");
    await terminal.shows("code 255");
    expect(terminal.screen().match(/you said no/g)).toHaveLength(1);
  });

  it("takes no key that was typed before, or in the first second", async () => {
    terminal.enter(`${run} sh -c 'echo begun; sleep 0.5; ${ssh} echo in'; echo code $?`);
    await terminal.shows(/begun$/m);
    terminal.press("Down", "Enter");
    await terminal.shows("Allow it?");
    terminal.press("Down", "Enter");
    await terminal.isAsked();
    expect(terminal.screen()).toContain("❯ deny");
    expect(events()).toEqual([]);
    terminal.press("Down", "Enter");
    await terminal.shows("code 0");
    expect(events()).toMatchObject([{ decision: "allow", by: "approver:terminal" }]);
    await isSane();
  });

  it("stays on deny when the program has the terminal type digits: where its cursor is", async () => {
    const report = "printf '\\0337\\033[1;122H\\033[6n\\0338' > /dev/tty";
    const [now, then] = [lab.path("now"), lab.path("then")];
    const lines = [
      `(until test -e ${now}; do sleep 0.1; done; ${report}; touch ${then}) &`,
      `${ssh} echo in`,
      ":",
    ];
    terminal.enter(`${run} ${lab.script("reports", `#!/bin/sh\n${lines.join("\n")}\n`)}; echo code $?`);
    await terminal.isAsked();
    writeFileSync(lab.path("now"), "");
    await until(() => existsSync(lab.path("then")), "the report");
    terminal.press("Down");
    await terminal.shows("❯ allow once");
    terminal.press("Up");
    await terminal.shows("❯ deny");
    terminal.press("Enter");
    await terminal.shows("code 0");
    expect(events()).toMatchObject([{ decision: "deny", by: "approver:terminal" }]);
  });

  it("writes a rule only after another key, and has shown it", async () => {
    const approved = lab.path("config/muxguard/approved.toml");
    terminal.enter(`${run} ${ssh} echo in; echo code $?`);
    await terminal.isAsked();
    const choose = async (): Promise<void> => {
      terminal.press("Down", "Down", "Down");
      await terminal.shows("❯ allow always");
      terminal.press("Enter");
      await terminal.shows(/approved\.toml[\s\S]*\[\[rule\]\][\s\S]*y writes it/);
    };
    await choose();
    terminal.press("Enter");
    await terminal.shows("❯ deny");
    expect(existsSync(approved)).toBe(false);
    await choose();
    terminal.press("y");
    await terminal.shows("code 0");
    expect(terminal.screen()).toMatch(/^in$/m);
    expect(terminal.screen()).not.toContain("y writes it");
    expect(readFileSync(approved, "utf8")).toMatch(/name = "always: ssh .*log in/);
    rmSync(approved);
    await isSane();
  });

  it("has the screen alone: what is printed meanwhile comes afterwards, and the screen is as it was", async () => {
    const [now, then] = [lab.path("print"), lab.path("printed")];
    const lines = [
      "echo before",
      `(until test -e ${now}; do sleep 0.1; done; seq -f 'line %.0f' 8; printf begun; touch ${then}) &`,
      `${ssh} echo in`,
    ];
    terminal.resize(160, 40);
    terminal.enter(`clear; ${run} ${lab.script("prints", `#!/bin/sh\n${lines.join("\n")}\n`)}; echo code $?`);
    await terminal.isAsked();
    writeFileSync(now, "");
    await until(() => existsSync(then), "the lines");
    terminal.press("Down");
    await terminal.shows("❯ allow once");
    expect(terminal.screen()).not.toMatch(/before|line 8/);
    terminal.press("Enter");
    await terminal.shows("code 0");
    const printed = Array.from({ length: 8 }, (_, at) => `line ${at + 1}`).join("\n");
    expect(terminal.screen()).toMatch(new RegExp(`before\n${printed}\nbegunin\ncode 0\n`));
    expect(terminal.screen()).not.toContain("Allow it?");
  });

  it("stands below what others print where the run shares the terminal: its stdout is none", async () => {
    const [now, then] = [lab.path("share"), lab.path("shared")];
    const lines = [
      `(until test -e ${now}; do sleep 0.1; done; seq -f 'line %.0f, which another program has printed on this very terminal' 8; printf begun; touch ${then}) &`,
      `${ssh} echo in`,
    ];
    terminal.resize(160, 20);
    const script = lab.script("shares", `#!/bin/sh\n${lines.join("\n")}\n`);
    terminal.enter(`clear; ${run} ${script} | cat; echo code $?`);
    await terminal.isAsked();
    writeFileSync(now, "");
    await until(() => existsSync(then), "the lines");
    const printed = `${Array.from({ length: 8 }, (_, at) => `line ${at + 1}, which another program has printed on this very terminal`).join("\n")}\nbegun`;
    const trimmed = (): string => terminal.screen().replace(/ +$/gm, "");
    await until(() => trimmed().includes("begun"), "what is printed");
    terminal.press("Down");
    await until(
      () => trimmed().includes(`${printed}\n? Allow it?\n  deny\n❯ allow once\n`),
      () => `the answers in:\n${trimmed()}`,
    );
    terminal.press("Enter");
    await terminal.shows("code 0");
    expect(trimmed()).toContain(`${printed}muxguard: allowed once\nin\ncode 0\n`);
  });

  it("is asked again after once", async () => {
    terminal.enter(`${run} sh -c '${ssh} echo first; ${ssh} echo second'; echo code $?`);
    await terminal.isAsked();
    terminal.press("Down", "Enter");
    await terminal.shows(/^first$/m);
    await terminal.isAsked();
    terminal.press("Enter");
    await terminal.shows("code 255");
    expect(events()).toMatchObject([{ decision: "allow", remember: "once" }, { decision: "deny" }]);
  });

  it("is not asked again when it is allowed until this run ends, nor offered a time: that is not longer", async () => {
    terminal.enter(`${run} sh -c '${ssh} echo first; ${ssh} echo second'; echo code $?`);
    await terminal.isAsked();
    terminal.press("Down", "Down");
    await terminal.shows("❯ allow until this run ends");
    expect(terminal.screen()).not.toContain("allow for 10 minutes");
    terminal.press("Enter");
    await terminal.shows("code 0");
    expect(terminal.screen()).toMatch(/^first\nsecond$/m);
    expect(events()).toMatchObject([
      { by: "approver:terminal", remember: "run" },
      { by: `grant:${events()[0]?.id}` },
    ]);
    terminal.enter(`clear; ${run} sh -c '${ssh} echo third; :'; echo over $?`);
    await terminal.isAsked();
    terminal.press("Enter");
    await terminal.shows("over 0"); // what is typed before is the run's
    await isSane();
  });

  it("is denied by Ctrl-C, which interrupts the command too", async () => {
    terminal.enter(`${run} sh -c '${ssh} echo in; sleep 1000'; echo code $?`);
    await terminal.shows("Allow it?");
    terminal.press("C-c");
    await terminal.shows("code 130");
    expect(events()).toMatchObject([{ decision: "deny", by: "approver:terminal" }]);
    await isSane();
  });

  it("leaves the screen when it is answered from elsewhere", async () => {
    terminal.enter(`${run} ${ssh} echo let in; echo code $?`);
    await terminal.shows("Allow it?");
    const [question] = await lab.pending();
    await lab.muxguard("approve", question?.id ?? "");
    await terminal.shows("code 0");
    expect(terminal.screen()).toMatch(/^let in$/m);
    expect(terminal.screen()).not.toMatch(/Allow it\?|❯/);
    expect(events()).toMatchObject([{ decision: "allow", by: "approver:queue" }]);
    await isSane();
  });

  it.each(["SIGTERM", "SIGHUP"] as const)("leaves the screen when %s ends the run", async (signal) => {
    terminal.enter(`${run} ${ssh} echo in; echo code $?`);
    await terminal.shows("Allow it?");
    process.kill(await holder(), signal);
    await terminal.shows(/code (?:143|129)/);
    expect(events()).toMatchObject([{ decision: "deny", by: "fault:withdrawn" }]);
    await isSane();
  });

  it("leaves the screen when ssh goes away", async () => {
    terminal.enter(`${run} ${ssh} true; echo code $?`);
    await terminal.shows("Allow it?");
    process.kill((await lab.pending())[0]?.caller.pid ?? 0, "SIGKILL");
    await terminal.shows("code 137");
    expect(terminal.screen()).not.toMatch(/Allow it\?|❯/);
    await isSane();
  });

  it("ends together with its terminal", async () => {
    terminal.enter(`${run} ${ssh} echo in`);
    await terminal.shows("Allow it?");
    const [question] = await lab.pending();
    const pids = [question?.caller.pid, await holder()];
    terminal.close();
    await until(() => pids.every((pid) => !existsSync(`/proc/${pid}`)), "the end of the run");
    expect(events()).toMatchObject([{ decision: "deny", by: "fault:withdrawn" }]);
    expect(readdirSync(lab.path("runtime/muxguard")).filter((name) => name.startsWith("run-"))).toEqual([]);
  });

  it("comes one at a time, where several wait", async () => {
    terminal.enter(`${run} sh -c '${ssh} echo in & ssh-add -D & wait'; echo code $?`);
    await lab.pending(2);
    await terminal.isAsked();
    expect(terminal.screen().match(/Allow it\?/g)).toHaveLength(1);
    terminal.press("Enter");
    await until(() => events().length === 1, "the first answer");
    await terminal.isAsked();
    terminal.press("Enter");
    await terminal.shows("code 0");
    expect(events()).toMatchObject([{ decision: "deny" }, { decision: "deny" }]);
    await isSane();
  });

  it("is not put by a run in the background, which goes on", async () => {
    terminal.enter(`${run} sh -c '${ssh} echo in; echo ssh $?; exec sleep 1000' &`);
    await terminal.shows("ssh 255");
    expect(terminal.screen()).toContain("in the background");
    expect(await terminal.output("jobs -r | wc -l")).toMatch(/^ *1$/);
    expect(events()).toMatchObject([{ decision: "deny", by: "fault:approver" }]);
    await isSane();
    terminal.enter("kill %1; wait");
  });

  it("is not put by a run that went to the background later on", async () => {
    terminal.enter(
      `${run} sh -c 'echo begun; while ! [ -e go ]; do sleep 0.1; done; ${ssh} true; echo ssh $?'`,
    );
    await terminal.shows(/begun$/m);
    terminal.press("C-z");
    await terminal.shows("Stopped");
    terminal.enter("bg; touch go");
    await terminal.shows("ssh 255");
    expect(terminal.screen()).toContain("in the background");
    await isSane();
    terminal.enter("rm go");
  });

  it("can be put from a shell inside of the run, which has its terminal back afterwards", async () => {
    terminal.enter(`${run} bash --norc --noprofile`);
    terminal.enter(`echo inner $SSH_AUTH_SOCK; ${ssh} echo let in`);
    await terminal.isAsked();
    terminal.press("Down", "Enter");
    await terminal.shows(/^let in$/m);
    terminal.enter("echo still $((40 + 2)); exit");
    await terminal.shows("still 42");
    await isSane();
  });

  it("can't be made to look like another by what is asked", async () => {
    const hostile = "\x1b[2J\x1b[H\x1b[45mspoofed\x1b]0;spoofed title\x07\r\nAllow it?\u202e\u2066";
    const hostileKey = lab.key("hostile", "-C", hostile);
    const [type, blob] = readFileSync(`${hostileKey}.pub`, "utf8").split(" ");
    appendFileSync(`${key}.pub`, `${type} ${blob}\n`);
    const { SSH_AUTH_SOCK } = lab.environment;
    const socket = await lab.startAgent("hostile.sock", hostileKey);
    Object.assign(lab.environment, { SSH_AUTH_SOCK });
    const folder = lab.path(`cwd${hostile}`);
    mkdirSync(folder);
    lab.script("attack", `#!/bin/sh\ncd '${folder}' && exec ${ssh} '${hostile}${"x".repeat(5000)}'\n`);
    terminal.enter(`echo still there; ${run} --upstream ${socket} ./attack; echo code $?`);
    await terminal.isAsked();
    const plain = terminal.screen();
    expect(plain.match(/^\? Allow it\?/gm)).toHaveLength(1);
    expect(plain).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/);
    expect(plain).not.toMatch(/^Allow it\?/m);
    expect(plain).not.toContain("xxxxxxxxxx".repeat(16));
    expect(plain).toContain("\\x1b[2J\\x1b[H\\x1b[45mspoofed");
    expect(terminal.screen(true)).not.toContain("\x1b[45m");
    expect(terminal.title()).not.toContain("spoofed");
    terminal.press("Enter");
    await terminal.shows("code 255");
    expect(terminal.screen()).toContain("still there");
    expect(terminal.screen(true)).not.toContain("\x1b[45m");
    await isSane();
  });

  it("is offered a time, too, where a daemon decides for the run", async () => {
    const daemon = await lab.startDaemon();
    try {
      terminal.enter(`${run} sh -c '${ssh} echo first; ${ssh} echo second'; echo code $?`);
      await terminal.isAsked();
      expect(terminal.screen()).toContain(
        "  allow once\n  allow until this run ends\n  allow for 10 minutes\n  allow always\n",
      );
      terminal.press("Down", "Down", "Down");
      await terminal.shows("❯ allow for 10 minutes");
      terminal.press("Enter");
      await terminal.shows("code 0");
      const [first, second] = events();
      expect(first).toMatchObject({ by: "approver:terminal", remember: "10m" });
      expect(second).toMatchObject({ by: `grant:${first?.id}` });
    } finally {
      daemon.kill();
    }
  });

  it("is put on the terminal of the run by a daemon, too", async () => {
    const daemon = await lab.startDaemon();
    try {
      terminal.enter(`${run} sh -c '${ssh} echo first; ${ssh} echo second'; echo code $?`);
      await terminal.isAsked();
      terminal.press("Down", "Down", "Enter");
      await terminal.shows("code 0");
      const [first, second] = events();
      expect(first).toMatchObject({ by: "approver:terminal", remember: "run" });
      expect(second).toMatchObject({ by: `grant:${first?.id}` });
      await isSane();
      terminal.enter(`clear; ${run} ${ssh} echo in; echo code $?`);
      await terminal.shows("Allow it?");
      process.kill(await holder(), "SIGTERM");
      await terminal.shows("code 143");
      await isSane();
      terminal.enter(`clear; ${run} ${ssh} echo in; echo code $?`);
      await terminal.shows("Allow it?");
      daemon.kill("SIGKILL");
      await terminal.shows("code 255");
      await isSane();
    } finally {
      daemon.kill();
    }
    expect(readFileSync(lab.logFile, "utf8")).not.toContain("\x1b");
  });

  it("is not put by a daemon either while the run is in the background", async () => {
    const daemon = await lab.startDaemon();
    try {
      terminal.enter(
        `${run} sh -c 'echo begun; while ! [ -e go ]; do sleep 0.1; done; ${ssh} echo let in; rm go'`,
      );
      await terminal.shows(/begun$/m);
      terminal.press("C-z");
      await terminal.shows("Stopped");
      terminal.enter("bg; touch go");
      await terminal.shows(/waiting for approval: log in to alpha\.example.*muxguard approve /);
      await isSane();
      const [question] = await lab.pending();
      await lab.muxguard("approve", question?.id ?? "");
      await terminal.shows(/let in$/m);
      expect(events()).toMatchObject([{ decision: "allow", by: "approver:queue" }]);
    } finally {
      daemon.kill();
    }
  });
});
