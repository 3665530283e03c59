/** `muxguard watch` on a real terminal, beside a daemon. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { Lab, MUXGUARD, until } from "../../../lab/lab.ts";
import { Terminal } from "../../../lab/terminal/terminal.ts";
import { describeWith } from "../tools.ts";

describeWith(["ssh", "sshd", "tmux"], "muxguard watch", () => {
  const lab = new Lab();
  const key = lab.key("work");
  const ssh = `ssh -F ${lab.sshConfig} alpha.example`;
  let terminal: Terminal;
  let settings: string;
  let logged: number;

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", key);
    await lab.startServer("alpha.example", key);
    lab.script("muxguard", `#!/bin/sh\nexec '${process.execPath}' '${MUXGUARD}' "$@"\n`);
    await lab.startDaemon();
  });
  beforeEach(async () => {
    logged = lab.log().length;
    const env = { ...lab.environment, PATH: `${lab.folder}:${process.env.PATH}` };
    terminal = new Terminal(env, lab.folder, undefined, 200, 40);
    settings = await terminal.output("stty -a");
  });
  afterEach(() => terminal.close());
  afterAll(() => lab.close());

  const events = () => lab.log().slice(logged);
  const shell = (script: string) =>
    lab.run("sh", ["-c", `${script}; :`], { environment: { SSH_AUTH_SOCK: lab.agentSocket } });

  /** The shell is back, with its screen and its settings. */
  async function isBack(): Promise<void> {
    expect(await terminal.output("stty -a")).toBe(settings);
    expect(terminal.screen()).not.toContain("muxguard watch  ");
  }

  it("shows what waits, and answers by key; then what was decided", async () => {
    terminal.enter("muxguard watch; echo code $?");
    await terminal.shows("nothing waits for an answer");
    const denied = shell(`${ssh} echo in`);
    await terminal.shows(
      /❯ \w{6} +\d+ s {2}.*→ alpha\.example[\s\S]*because: no rule says otherwise[\s\S]*❯ deny/,
    );
    await terminal.keysCount();
    terminal.press("Enter");
    expect(await denied).toMatchObject({ stdout: "" });
    await terminal.shows(
      /^\d\d:\d\d:\d\d deny {3}log in to alpha\.example as .*\(you said no, muxguard deny\)/m,
    );
    await terminal.shows("nothing waits for an answer");
    const allowed = shell(`${ssh} echo in`);
    await terminal.shows("❯ deny");
    await terminal.keysCount();
    terminal.press("Right", "Right");
    await terminal.shows("❯ allow until its program ends");
    terminal.press("Right");
    await terminal.shows("❯ allow for 10 minutes");
    terminal.press("Enter");
    expect(await allowed).toMatchObject({ stdout: "in\n" });
    expect(events()).toMatchObject([
      { decision: "deny", by: "approver:queue" },
      { decision: "allow", by: "approver:queue", remember: "10m" },
    ]);
    await terminal.shows(/allow {2}log in to alpha\.example/);
    terminal.press("q");
    await terminal.shows("code 0");
    await isBack();
  });

  it("answers the one of several that was chosen", async () => {
    const first = shell("ssh-add -D");
    await lab.pending();
    const second = shell(`ssh-keygen -q -Y sign -n file -f ${key}.pub < ${lab.sshConfig}; echo $?`);
    await lab.pending(2);
    terminal.enter("muxguard watch");
    await terminal.shows(/2 wait[\s\S]*❯ \w{6} .*remove all keys[\s\S]* {2}\w{6} .*sign for/);
    await terminal.keysCount();
    terminal.press("Down");
    await terminal.shows(/❯ \w{6} .*sign for/);
    terminal.press("Right", "Enter");
    await terminal.shows(/1 waits[\s\S]*❯ \w{6} .*remove all keys/);
    expect((await second).stdout).toContain("BEGIN SSH SIGNATURE");
    await terminal.keysCount();
    terminal.press("Enter");
    await first;
    expect(events()).toMatchObject([
      { decision: "allow", namespace: "file", remember: "once" },
      { decision: "deny", operation: "remove-all" },
    ]);
    terminal.press("C-c");
    await isBack();
  });

  it("does not count what is typed in a question's first second", async () => {
    terminal.enter("muxguard watch");
    await terminal.shows("nothing waits for an answer");
    const result = shell("ssh-add -D");
    await terminal.shows("❯ deny");
    terminal.press("Right", "Left", "Enter");
    await terminal.shows("too early");
    expect(events()).toEqual([]);
    await terminal.keysCount();
    terminal.press("Enter");
    await result;
    expect(events()).toMatchObject([{ decision: "deny" }]);
    terminal.press("q");
    await isBack();
  });

  it("takes nothing for an answer that the terminal says of itself because a program inside of a run has asked it", async () => {
    const tty = await terminal.output("tty");
    terminal.enter("muxguard watch");
    await terminal.shows("nothing waits for an answer");
    const result = lab.muxguard("run", "--", "sh", "-c", `${ssh} echo in; :`);
    await terminal.shows("❯ deny");
    await terminal.keysCount();
    // a colour of its choice, and what is that colour? `rgb:aaaa/dddd/aaaa`
    const report = `printf '\\033]11;#aaddaa\\007\\033]11;?\\007' > ${tty}`;
    expect(await lab.muxguard("run", "--", "sh", "-c", report)).toMatchObject({ code: 0 });
    await terminal.keysCount();
    expect(await lab.pending()).toHaveLength(1);
    expect(events()).toEqual([]);
    terminal.press("Enter");
    await result;
    expect(events()).toMatchObject([{ decision: "deny" }]);
    terminal.press("q");
    await isBack();
  });

  it("writes a rule only after another key, and has shown it", async () => {
    const approved = lab.path("config/muxguard/approved.toml");
    terminal.enter("muxguard watch");
    await terminal.shows("nothing waits for an answer");
    const result = shell(`${ssh} echo in`);
    await terminal.shows("❯ deny");
    await terminal.keysCount();
    const choose = async (): Promise<void> => {
      terminal.press("Right", "Right", "Right", "Right", "Right");
      await terminal.shows("❯ allow always");
      terminal.press("Enter");
      await terminal.shows(
        /approved\.toml[\s\S]*\[\[rule\]\][\s\S]*name = "always: .*log in[\s\S]*y writes it/,
      );
    };
    await choose();
    terminal.press("Enter");
    await terminal.shows("❯ deny");
    expect(existsSync(approved)).toBe(false);
    await choose();
    terminal.press("y");
    expect(await result).toMatchObject({ stdout: "in\n" });
    expect(events()).toMatchObject([{ decision: "allow", remember: "always" }]);
    expect(readFileSync(approved, "utf8")).toMatch(/name = "always: .*log in/);
    rmSync(approved);
    terminal.press("q");
    await isBack();
  });

  it("says that muxguard is locked", async () => {
    terminal.enter("muxguard watch");
    await terminal.shows("nothing waits for an answer");
    await lab.muxguard("lock");
    await terminal.shows("muxguard watch - locked (muxguard unlock)");
    expect(terminal.screen(true)).toContain("31mmuxguard watch - locked");
    await lab.muxguard("unlock");
    await until(() => !terminal.screen().includes("locked"), "the title without it");
    terminal.press("q");
    await isBack();
  });

  it("follows the size of its terminal", async () => {
    const result = shell("ssh-add -D");
    await lab.pending();
    terminal.enter("muxguard watch");
    for (const [columns, rows] of [
      [60, 30],
      [160, 50],
      [80, 24],
      [200, 40],
    ] as const) {
      terminal.resize(columns, rows);
      const isWhole = (): boolean => {
        const lines = terminal.screen().split("\n");
        const rule = lines.find((line) => /^─+$/.test(line));
        return lines[0]?.startsWith("muxguard watch") === true && rule?.length === columns - 1;
      };
      await until(isWhole, `${columns} × ${rows}`).catch((error) => {
        throw new Error(`${error.message}\n${terminal.screen()}`);
      });
      expect(terminal.screen().match(/❯ deny/g)).toHaveLength(1);
    }
    terminal.press("q");
    await isBack();
    await lab.muxguard("deny", (await lab.pending())[0]?.id ?? "");
    await result;
  });

  it.each(["the key", "the signal"])(
    "gives the terminal back while it is stopped by %s, and comes back",
    async (how) => {
      terminal.enter("sh -c 'echo $$ > pid; exec muxguard watch'; echo code $?");
      await terminal.shows("nothing waits for an answer");
      if (how === "the key") terminal.press("C-z");
      else process.kill(Number(readFileSync(lab.path("pid"), "utf8")), "SIGTSTP");
      await terminal.shows("Stopped");
      await isBack();
      terminal.enter("clear; fg; echo again $?");
      await terminal.shows("nothing waits for an answer");
      terminal.press("q");
      await terminal.shows("again 0");
      await isBack();
    },
  );

  it("gives the terminal back when it is ended by a signal", async () => {
    terminal.enter("sh -c 'echo $$ > pid; exec muxguard watch'; echo code $?");
    await terminal.shows("nothing waits for an answer");
    process.kill(Number(readFileSync(lab.path("pid"), "utf8")), "SIGTERM");
    await terminal.shows("code 1");
    await isBack();
  });

  it("is refused inside of a run, and without a terminal", async () => {
    terminal.enter("muxguard run -- muxguard watch; echo code $?");
    await terminal.shows("code 1");
    expect(terminal.screen()).toContain("muxguard: refused: this process is inside of a muxguard run");
    await isBack();
    expect(await lab.muxguard("watch")).toMatchObject({
      code: 64,
      stderr: "muxguard: muxguard watch needs a terminal\n",
    });
  });
});
