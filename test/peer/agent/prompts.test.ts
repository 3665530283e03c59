/**
 * What ssh asks while the guard opens a connection: on the terminal of whoever wants it, through SSH_ASKPASS
 * where there is none, and nowhere else.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { until } from "../../../lab/lab.ts";
import { OpenLab } from "../../../lab/open-lab.ts";
import { type PasswordServer, startPasswordServer } from "../../../lab/servers/password-server.ts";
import { Pty } from "../../../lab/terminal/pty.ts";
import { describeWith } from "../tools.ts";

const SECRET = "correct horse 7";
/** Clears the screen, sets the title, and turns the line around. */
const NASTY = "\x1b[2J\x1b]0;owned\x07Pass\u202eword\r:";

describeWith(["ssh", "sshd", "python"], "what ssh asks while a connection is opened", () => {
  const lab = new OpenLab();
  const servers: PasswordServer[] = [];
  const askpass = lab.script(
    "askpass",
    `#!/bin/sh\necho "$1" >> ${lab.path("asked")}\ncat ${lab.path("answer")}\n`,
  );

  async function startHost(name: string, words?: string): Promise<PasswordServer> {
    const hostKeyFile = lab.key(`${name}.hostkey`);
    const server = await startPasswordServer({
      hostKeyFile,
      password: SECRET,
      ...(words !== undefined && { words }),
    });
    servers.push(server);
    lab.host(name, [
      "HostName 127.0.0.1",
      `Port ${server.port}`,
      "BatchMode no",
      "StrictHostKeyChecking no",
      "UserKnownHostsFile /dev/null",
      "NumberOfPasswordPrompts 2",
      `ControlPath ${lab.sockets}/%n`,
    ]);
    return server;
  }

  const open = (...args: string[]): Pty => new Pty(lab, process.execPath, lab.program, "open", ...args);

  beforeAll(async () => {
    lab.settings('approvers = ["queue"]\n');
    lab.policy('default = "allow"\n');
    lab.environment.SSH_ASKPASS = askpass;
    lab.environment.DISPLAY = ":none";
    await lab.open();
    const key = lab.key("locked");
    const vault = await lab.startServer("vault.test", key);
    execFileSync("ssh-keygen", ["-q", "-p", "-P", "", "-N", SECRET, "-f", key]);
    const here = [
      "HostName 127.0.0.1",
      `Port ${vault.port}`,
      "BatchMode no",
      `ControlPath ${lab.sockets}/%n`,
    ];
    lab.host("locked.test", [
      ...here,
      "HostKeyAlias vault.test",
      "IdentityAgent none",
      `IdentityFile ${key}`,
    ]);
    lab.host("unknown.test", [
      "HostName 127.0.0.1",
      `Port ${lab.port}`,
      "BatchMode no",
      `ControlPath ${lab.sockets}/%n`,
      "StrictHostKeyChecking ask",
      `UserKnownHostsFile ${lab.path("asked_hosts")}`,
    ]);
  });
  beforeEach(async () => {
    await lab.endOpened();
    execFileSync("rm", ["-f", lab.path("asked"), lab.path("asked_hosts")]);
    execFileSync("/bin/sh", ["-c", `echo '${SECRET}' > ${lab.path("answer")}`]);
  });
  afterAll(async () => {
    for (const server of servers) server.close();
    await lab.close();
  });

  /** Every file that the guard wrote. */
  function written(): string {
    const folders = [lab.path("state"), lab.path("runtime")];
    const files = folders.flatMap((folder) =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => join(parentPath, name)),
    );
    return `${files.map((file) => readFileSync(file, "utf8")).join("")}${lab.told}`;
  }

  it("a password: on the terminal, without echo, and in no file", async () => {
    const server = await startHost("password.test");
    const terminal = open("password.test");
    await terminal.shows("@127.0.0.1's password:");
    terminal.type("wrong\r");
    await until(() => server.tried.length === 1, "the first try");
    await until(() => terminal.text.split("'s password:").length === 3, "the second question");
    terminal.type(`${SECRET}\r`);
    await terminal.shows("open: ssh password.test now goes through");
    expect(await terminal.end()).toBe(0);
    expect(server.tried).toEqual(["wrong", SECRET]);
    expect(terminal.text).not.toContain(SECRET);
    expect(terminal.text).not.toContain("wrong");
    expect(written()).not.toContain(SECRET);
    expect(await lab.ssh("password.test", "something")).toMatchObject({ code: 0, stdout: "ran something\n" });
  });

  it("a server's own words: none of its control characters reaches the terminal", async () => {
    const server = await startHost("nasty.test", NASTY);
    const terminal = open("nasty.test");
    await terminal.shows("word");
    terminal.type(`${SECRET}\r`);
    await terminal.shows("open: ssh nasty.test");
    expect(server.tried).toEqual([SECRET]);
    for (const raw of ["\x1b[2J", "\x1b]0;", "\x07", "\u202e"]) expect(terminal.text).not.toContain(raw);
  });

  it("the passphrase of a key", async () => {
    const terminal = open("locked.test");
    await terminal.shows(`Enter passphrase for key '${lab.path("locked")}':`);
    terminal.type(`${SECRET}\r`);
    await terminal.shows("open: ssh locked.test");
    expect(terminal.text).not.toContain(SECRET);
    expect(written()).not.toContain(SECRET);
  });

  it("whether a host key is right: asked with echo, and remembered as ssh does", async () => {
    const terminal = open("unknown.test");
    await terminal.shows("(yes/no/[fingerprint])?");
    terminal.type("maybe\r");
    await terminal.shows("Please type 'yes', 'no' or the fingerprint");
    terminal.type("yes\r");
    await terminal.shows("open: ssh unknown.test");
    expect(await terminal.end()).toBe(0);
    expect(readFileSync(lab.path("asked_hosts"), "utf8")).toContain("ssh-ed25519");
    expect(terminal.text).toContain("maybe");
  });

  it("a no to a host key, and Ctrl-C, open nothing", async () => {
    const no = open("unknown.test");
    await no.shows("(yes/no/[fingerprint])?");
    no.type("no\r");
    await no.shows("ssh could not connect: Host key verification failed.");
    expect(await no.end()).toBe(1);
    const interrupted = open("unknown.test");
    await interrupted.shows("(yes/no/[fingerprint])?");
    interrupted.type("\x03");
    await interrupted.shows("muxguard: interrupted");
    expect(await interrupted.end()).toBe(130);
    await until(() => lab.masters().length === 0, "the end of the ssh that asked");
  });

  it("goes to SSH_ASKPASS where there is no terminal", async () => {
    const server = await startHost("askpass.test");
    expect(await lab.muxguard("open", "askpass.test")).toMatchObject({ code: 0, stderr: "" });
    expect(server.tried).toEqual([SECRET]);
    expect(readFileSync(lab.path("asked"), "utf8")).toMatch(/@127\.0\.0\.1's password: \n$/);
  });

  it("is on the run's terminal for a ride, one after the other", async () => {
    const [one, two] = [await startHost("one.test"), await startHost("two.test")];
    const line = "ssh one.test a & ssh two.test b & wait";
    const terminal = new Pty(
      lab,
      process.execPath,
      lab.program,
      "run",
      "--ride",
      "--no-confine",
      "--",
      "/bin/sh",
      "-c",
      line,
    );
    await terminal.shows("'s password:");
    terminal.type(`${SECRET}\r`);
    await until(() => one.tried.length + two.tried.length === 1, "the first answer");
    await until(() => terminal.text.split("'s password:").length === 3, "the second question");
    terminal.type(`${SECRET}\r`);
    await terminal.shows("ran a");
    await terminal.shows("ran b");
    expect(await terminal.end()).toBe(0);
    expect([one.tried, two.tried]).toEqual([[SECRET], [SECRET]]);
  });

  it("comes from the guard's own ssh alone: what others ask is put to nobody who waits for a connection", async () => {
    const server = await startHost("waits.test");
    const terminal = open("waits.test");
    await terminal.shows("'s password:");
    const asking = {
      MUXGUARD_PROMPTS: lab.path("runtime/muxguard/control/prompts.sock"),
      SSH_ASKPASS: "",
    };
    const program = lab.program.replace(/muxguard$/, "muxguard-askpass");
    const words = Object.entries(asking).map(([name, value]) => `${name}='${value}'`);
    for (const text of ["Another password: ", "Username for another: "]) {
      const outside = await lab.run(program, [text], { environment: asking });
      const inside = await lab.ride(`${words.join(" ")} '${program}' '${text}'`);
      const stderr = expect.stringContaining(`nobody can be asked for "${text.trim()}"`);
      for (const result of [outside, inside]) expect(result).toMatchObject({ code: 1, stdout: "", stderr });
    }
    terminal.type(`${SECRET}\r`);
    await terminal.shows("open: ssh waits.test");
    expect(server.tried).toEqual([SECRET]);
    expect(terminal.text).not.toMatch(/another/i);
  });

  it("is withdrawn when the daemon ends", async () => {
    await startHost("late.test");
    const terminal = open("late.test");
    await terminal.shows("'s password:");
    await lab.endGuard();
    await terminal.shows("muxguard: ");
    expect(await terminal.end()).toBe(1);
    expect(lab.masters()).toEqual([]);
    await lab.guard();
  });
});
