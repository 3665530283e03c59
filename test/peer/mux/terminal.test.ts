/** Sessions with a terminal over a guarded control socket: its size, its keys, its signals. */
import { beforeAll, expect, it as test } from "vitest";
import { HOST, MuxLab } from "../../../lab/mux-lab.ts";
import { Pty } from "../../../lab/terminal/pty.ts";
import { SERVERS_HAVE_TERMINALS } from "../../../lab/terminal/server-terminals.ts";
import { opened } from "../opened.ts";
import { describeWith } from "../tools.ts";

const it = test.skipIf(!SERVERS_HAVE_TERMINALS);

describeWith(["ssh", "sshd", "python"], "a session with a terminal over a guarded control socket", () => {
  const lab = opened(
    new MuxLab(),
    'default = "allow"\n[[rule]]\nname = "no reboot"\ncommand = "reboot"\naction = "deny"\n',
  );
  let pid = 0;
  beforeAll(async () => {
    pid = await lab.startMaster();
  });

  const ssh = (...args: string[]): Pty => new Pty(lab, "ssh", "-F", lab.sshConfig, ...args);

  it("has the size of the client's, and follows it", async () => {
    const terminal = ssh(
      "-tt",
      HOST,
      "trap 'stty size; kill $!; exit 7' WINCH; stty size; sleep 1000 & wait",
    );
    await terminal.shows("30 100");
    terminal.resize(41, 121);
    await terminal.shows("41 121");
    expect(await terminal.end()).toBe(7);
  });

  it("passes Ctrl-C to the command, not to the client", async () => {
    const terminal = ssh(
      "-t",
      HOST,
      "trap 'echo interrupted; exit 5' INT; echo ready; while :; do read line; done",
    );
    await terminal.shows("ready");
    terminal.type("\x03");
    await terminal.shows("interrupted");
    expect(await terminal.end()).toBe(5);
  });

  it("is a login shell where no command is given, and is logged so", async () => {
    const before = lab.log().length;
    const terminal = ssh(HOST);
    terminal.type("echo $((6 * 7)); exit 9\r");
    await terminal.shows("42");
    expect(await terminal.end()).toBe(9);
    expect(lab.log().slice(before)).toMatchObject([{ kind: "session", command: "", tty: true }]);
  });

  it("ends with what ssh's own escapes ask for (~.)", async () => {
    const terminal = ssh("-t", HOST, "echo $$ > shell.pid; echo ready; while :; do read line; done");
    await terminal.shows("ready");
    terminal.type("\r~.");
    expect(await terminal.end()).toBe(255);
  });

  it("that is denied shows the reason on the terminal, and leaves it as it was", async () => {
    const connections = lab.connections();
    const terminal = new Pty(
      lab,
      "sh",
      "-c",
      `stty -g; ssh -F ${lab.sshConfig} -t ${HOST} reboot; echo "code $?"; stty -g`,
    );
    expect(await terminal.end()).toBe(0);
    const lines = terminal.text.trim().split(/\r?\n/);
    expect(lines.join("\n")).toMatch(
      /^muxguard: denied: run "reboot" on prod\.example.* \(rule "no reboot"\)$/m,
    );
    expect(terminal.text).toContain("code 255");
    expect(lines.at(-1)).toBe(lines.find((line) => /^[\da-f]+:/.test(line)));
    expect(lab.connections()).toBe(connections);
  });

  it("leaves the master as it was", async () => {
    expect(await lab.masterPid()).toBe(pid);
  });
});
