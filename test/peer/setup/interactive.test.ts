/** `muxguard init` at a terminal: what is asked, each change agreed to, and a test question that comes. */
import { existsSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Lab, until } from "../../../lab/lab.ts";
import { Pty } from "../../../lab/terminal/pty.ts";
import { UserHome } from "../../../lab/users/user-home.ts";
import { listenerAt } from "../../../src/platform/sockets/holders.ts";
import { isBareKey } from "../../../src/runs/unguarded/key-files.ts";
import { describeWith, runs } from "../tools.ts";

describeWith(["ssh", "bwrap", "python"], "muxguard init at a terminal", () => {
  let lab: Lab;
  let home: UserHome;
  let screen: Pty;
  beforeEach(() => {
    lab = new Lab();
    home = new UserHome(lab, { shell: "/bin/bash", environment: { NO_COLOR: "1" } });
    screen = new Pty(lab, ...home.command("/bin/sh"));
  });
  afterEach(async () => {
    // a question of a test that failed may have the terminal
    const daemon = listenerAt(lab.path("run/muxguard/daemon.sock"))?.pid;
    if (daemon !== undefined) {
      process.kill(daemon);
      await until(() => !existsSync(`/proc/${daemon}`), "the end of the daemon");
    }
    await lab.close();
  });

  let from = 0;
  beforeEach(() => {
    from = 0;
  });
  /** Waits for text that was not there before. */
  async function shows(text: string): Promise<void> {
    await until(
      () => screen.text.indexOf(text, from) >= 0,
      () => `"${text}" after: ${screen.text.slice(from)}`,
    );
    from = screen.text.indexOf(text, from) + text.length;
  }
  async function answer(question: string, keys: string): Promise<void> {
    await shows(question);
    screen.type(keys);
  }
  /** Answers a question of inquirer. It shows it again with the answer; keys before the next one may be lost. */
  async function choose(question: string, keys: string): Promise<void> {
    await answer(question, keys);
    await shows("\u2714");
    await shows(question);
  }

  it("encrypts a key, changes what is agreed to, starts the guard, and asks a test question", async () => {
    const key = lab.key("home/.ssh-key");
    home.write(".ssh/id_ed25519", readFileSync(key, "utf8"));
    home.write(".ssh/known_hosts", "");
    home.write(".ssh/config", "Host shop-prod !old-prod *-prod\n  HostName 192.0.2.7\n");
    const approver = lab.script("say-yes", '#!/bin/sh\necho \'{"decision": "allow", "remember": "once"}\'\n');
    home.write(".config/muxguard/config.toml", `approvers = ["command", "queue"]\ncommand = "${approver}"\n`);
    screen.type("muxguard init; echo ended: $?\r");
    await choose("id_ed25519 has no passphrase: any program can use it", "\r"); // the first: encrypt it
    await choose("Deny logins to hosts named like production (here: shop-prod)?", "y\r");
    await choose("Make this change?", "\r"); // config.toml
    await choose("Make this change?", "\r"); // policy.toml
    await choose("Make this change?", "n\r"); // .bashrc
    await shows("left as it is: ");
    await choose("Start the guard now?", "\r");
    await answer("Enter new passphrase", "correct horse\r");
    await answer("Enter same passphrase again", "correct horse\r");
    await choose("Try it out with a question that is only a test?", "\r");
    await shows("it reached you: you said yes, through the command of config.toml");
    await shows("ended: 0");
    expect(isBareKey(readFileSync(home.path(".ssh/id_ed25519"), "latin1"))).toBe(false);
    expect(existsSync(home.path(".bashrc"))).toBe(false);
    const policy = readFileSync(home.path(".config/muxguard/policy.toml"), "utf8");
    expect(policy).toMatch(/^name {3}= "no production"$/m);
    expect(home.log()).toContainEqual(
      expect.objectContaining({
        kind: "confirm",
        by: "approver:command",
        prompt: expect.stringMatching(/only a test of muxguard init/),
      }),
    );
    // no copy of the key as it was is kept
    const record = readFileSync(home.path(".local/state/muxguard/init.json"), "utf8");
    expect(record).not.toContain(readFileSync(key).toString("base64").slice(100, 160));
    expect(JSON.parse(record)).toMatchObject({ encrypted: [home.path(".ssh/id_ed25519")] });
  });

  it("loads a key into muxguard's own agent, and moves its file away", async () => {
    const key = lab.key("home/.ssh-key");
    home.write(".ssh/id_ed25519", readFileSync(key, "utf8"));
    home.write(
      ".config/muxguard/policy.toml",
      'default = "ask"\n[[rule]]\non = ["admin"]\naction = "allow"\n',
    );
    screen.type("muxguard init; echo ended: $?\r");
    await choose("any program can use it", "\u001b[B\r"); // the second
    await choose("Make this change?", "\r"); // config.toml
    await choose("Make this change?", "\r"); // .bashrc
    await choose("Start the guard now?", "\r");
    await choose("Where shall the file go", `${lab.path("disk")}\r`);
    await shows("moved to ");
    await choose("Try it out with a question that is only a test?", "\r"); // nobody is reached: no
    await shows("ended: 0");
    expect(existsSync(home.path(".ssh/id_ed25519"))).toBe(false);
    expect(readFileSync(lab.path("disk"), "utf8")).toBe(readFileSync(key, "utf8"));
    screen.type('eval "$(muxguard env --sh)"; ssh-add -l\r');
    await shows("(ED25519)");
  });

  it.skipIf(!runs("tmux", ["-V"]))("brings the test question up in tmux, where the person is", async () => {
    home.write(".config/muxguard/policy.toml", 'default = "ask"\n');
    screen.type("tmux -L init -f /dev/null new-session 'muxguard init; echo ended: $?; cat'\r");
    await answer("Make this change?", "\r"); // config.toml
    await answer("Make this change?", "\r"); // .bashrc
    await answer("Start the guard now?", "\r");
    await shows("a question would come by: tmux");
    await answer("Try it out with a question that is only a test?", "\r");
    await shows("see whether a question reaches you (only a test)");
    // keys of the first second don't count
    const said = (): boolean => screen.text.includes("it reached you: you said no, in tmux", from);
    await until(
      () => {
        screen.type("\u001b");
        return said();
      },
      "the answer",
      20_000,
      300,
    );
    screen.type("\u0003");
    await screen.shows("[exited]");
  });

  it("does nothing after Ctrl-C, and says how to take back what was done", async () => {
    screen.type("muxguard init; echo ended: $?\r");
    await answer("Deny logins to hosts named like production?", "\u0003");
    await shows("stopped; muxguard init --undo");
    await shows("ended: 130");
    expect(home.snapshot().size).toBe(0);
  });
});
