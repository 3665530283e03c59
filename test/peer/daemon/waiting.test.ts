/** Under a daemon: who waits for an answer is told on the terminal that it has, and nobody on another one. */
import { chownSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { ended } from "../../../lab/lab.ts";
import { HOST, MuxLab } from "../../../lab/mux-lab.ts";
import { Pty } from "../../../lab/terminal/pty.ts";
import { describeWith, PYTHON, runs } from "../tools.ts";

const WAITING = "muxguard: waiting for approval: ";
const MAKES_NAMESPACES = runs("unshare", ["-Urm", "true"]);

/**
 * Its controlling terminal has the number of another one: from a devpts of its own, made in namespaces of its
 * own, handed to a process that is in none. argv: a folder, the number, a command.
 */
const OTHER_DEVPTS = `
import array, ctypes, fcntl, os, socket, struct, subprocess, sys, termios
folder, number, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
ours, theirs = socket.socketpair()
maker = os.fork()
if maker == 0:
    ours.close() # so that it ends with the other one
    uid = os.getuid()
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.unshare(0x10000000 | 0x20000) == 0, os.strerror(ctypes.get_errno())
    open("/proc/self/setgroups", "w").write("deny")
    open("/proc/self/uid_map", "w").write(f"0 {uid} 1")
    mounted = libc.mount(b"devpts", folder.encode(), b"devpts", 0, b"newinstance,ptmxmode=0666")
    assert mounted == 0, os.strerror(ctypes.get_errno())
    masters = []
    while True:
        masters.append(os.open(folder + "/ptmx", os.O_RDWR | os.O_NOCTTY))
        at = struct.unpack("I", fcntl.ioctl(masters[-1], 0x80045430, b"    "))[0]
        if at == number:
            break
    fcntl.ioctl(masters[-1], 0x40045431, struct.pack("i", 0))
    slave = os.open(f"{folder}/{number}", os.O_RDWR | os.O_NOCTTY)
    theirs.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [slave]))])
    theirs.recv(1)
    os._exit(0)
theirs.close()
_, sent, _, _ = ours.recvmsg(1, socket.CMSG_SPACE(4))
slave = struct.unpack("i", sent[0][2][:4])[0]
asking = os.fork()
if asking == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    print("tty_nr", open("/proc/self/stat").read().rsplit(")", 1)[1].split()[4], flush=True)
    os.execvp(command[0], command)
os.waitpid(asking, 0)
`;

describeWith(["ssh", "sshd", "python", "git"], "a question under a daemon", () => {
  const lab = new MuxLab();
  const ssh = `ssh -F ${lab.sshConfig}`;
  const key = lab.path("me@laptop.pub");

  beforeAll(async () => {
    lab.policy('default = "ask"\n');
    await lab.open();
    writeFileSync(lab.path("text"), "some text\n");
  });
  afterEach(async () => {
    for (const { id } of await lab.pending(0).catch(() => lab.pending(1))) await lab.muxguard("deny", id);
    await lab.muxguard("forget", "--all");
  });
  afterAll(() => lab.close());

  const sh = (line: string): Pty => new Pty(lab, "/bin/sh", "-c", line);
  const answer = async (verb: "approve" | "deny", ...more: string[]): Promise<string> => {
    const [question] = await lab.pending();
    await lab.muxguard(verb, question?.id ?? "", ...more);
    return question?.id ?? "";
  };
  const times = (terminal: Pty, text: string): number => terminal.text.split(text).length - 1;

  it("about a login is told on the terminal that ssh was started on, with how to answer, once", async () => {
    // what ssh says goes elsewhere: it is the terminal that counts
    const terminal = sh(`${ssh} ${HOST} true 2>log; echo code $?`);
    const [question] = await lab.pending();
    await terminal.shows(`${WAITING}log in to ${HOST} as ${userInfo().username} with key "me@laptop" `);
    await terminal.shows(`(muxguard approve ${question?.id})`);
    await answer("approve");
    await terminal.shows("code 0");
    expect(times(terminal, WAITING)).toBe(1);
    expect(lab.told).not.toContain(`approve ${question?.id}`);
  });

  it("about a signature is, and what comes of it", async () => {
    const terminal = sh(`ssh-keygen -Y sign -n file -f ${key} text >log 2>&1; echo code $?`);
    await terminal.shows(`${WAITING}sign for "file" with key "me@laptop" (muxguard approve `);
    await answer("deny");
    await terminal.shows('muxguard: denied: sign for "file" with key "me@laptop" (you said no, ');
    await terminal.shows("code 255");
    expect(times(terminal, WAITING)).toBe(1);
  });

  it("about git's login is told on git's terminal", async () => {
    const terminal = sh(
      `GIT_SSH_COMMAND="${ssh}" git ls-remote ssh://${HOST}/nowhere 2>/dev/null; echo done`,
    );
    await terminal.shows(`${WAITING}log in to ${HOST} `);
    await answer("deny");
    await terminal.shows("muxguard: denied: log in to ");
    await terminal.shows("done");
  });

  it.each<[string, () => Promise<unknown>, string]>([
    [
      "a rule denies",
      async () => lab.policy('[[rule]]\nname = "not there"\nhost = "*"\naction = "deny"\n'),
      `muxguard: denied: log in to ${HOST} `,
    ],
    ["everything is denied", () => lab.muxguard("lock"), "muxguard is locked (muxguard unlock)"],
  ])("is none where %s: a login is told why it has no key, once", async (_, deny, why) => {
    await deny();
    const terminal = sh(`${ssh} ${HOST} true 2>log; echo code $?`);
    await terminal.shows("code 255");
    expect(terminal.text).toContain(why);
    expect(times(terminal, "muxguard: denied")).toBe(1);
    await lab.muxguard("unlock");
    lab.policy('default = "ask"\n');
  });

  it("about a session is told there too, also where its stderr goes elsewhere, and once", async () => {
    lab.policy('default = "allow"\n');
    await lab.startMaster();
    lab.policy('default = "ask"\n');
    for (const to of ["/dev/tty", "log"]) {
      const terminal = sh(`${ssh} ${HOST} uptime -p 2>${to}; echo code $?`);
      await terminal.shows(`${WAITING}run "uptime -p" on ${HOST}`);
      await answer("approve", "--once");
      await terminal.shows("code 0");
      expect(times(terminal, WAITING)).toBe(1);
    }
    await lab.endMasters();
  });

  it("that several wait for on one terminal is told once there", async () => {
    const sign = `ssh-keygen -Y sign -n file -f ${key} <text >/dev/null 2>&1`;
    const terminal = sh(`for i in 1 2 3; do ${sign} & done; wait; echo over`);
    await terminal.shows(WAITING);
    await expect.poll(async () => (await lab.pending())[0]?.count, { timeout: 5000 }).toBe(3);
    await answer("approve");
    await terminal.shows("over");
    expect(times(terminal, WAITING)).toBe(1);
  });

  it("is not told where a full-screen program has the terminal: the daemon says it instead", async () => {
    const terminal = sh(`stty raw -echo; ${ssh} ${HOST} true 2>log; stty sane; echo code $?`);
    const [question] = await lab.pending();
    await expect.poll(() => lab.told, { timeout: 5000 }).toContain(`(muxguard approve ${question?.id})`);
    await answer("approve");
    await terminal.shows("code");
    expect(terminal.text).not.toContain(WAITING);
  });

  it("holds nobody up where the terminal is stopped", async () => {
    const terminal = sh(`echo begun; read line; ${ssh} ${HOST} true 2>log; echo code $?`);
    await terminal.shows("begun");
    terminal.type("\n\x13"); // Ctrl-S
    const [question] = await lab.pending();
    await expect.poll(() => lab.told, { timeout: 5000 }).toContain(`(muxguard approve ${question?.id})`);
    expect((await lab.muxguard("status")).code).toBe(0);
    await answer("approve");
    terminal.type("\x11");
    await terminal.shows("code 0");
  });

  it("is denied again for half a minute, and that is said with the reason", async () => {
    const terminal = sh(`for i in 1 2; do ${ssh} ${HOST} true 2>>log; done; echo over`);
    const id = await answer("deny");
    await terminal.shows("over");
    const why = `you denied the same before; to be asked again: muxguard forget ${id}`;
    await terminal.shows(why);
    expect(terminal.text).toMatch(/muxguard: denied: log in to .* \(you denied the same before; /);
  });

  it.skipIf(!MAKES_NAMESPACES)(
    "is told on nobody else's terminal that has the same number in another devpts",
    async () => {
      const victim = sh("tty; read line; echo over");
      await victim.shows("/dev/pts/");
      const number = /\/dev\/pts\/(\d+)/.exec(victim.text)?.[1] ?? "";
      const folder = lab.path("pts");
      writeFileSync(lab.path("attack.py"), OTHER_DEVPTS);
      await lab.run("mkdir", ["-p", folder]);
      const child = lab.start(PYTHON, [
        ...[lab.path("attack.py"), folder, number],
        ...["ssh-keygen", "-Y", "sign", "-n", "file", "-f", key, lab.path("text")],
      ]);
      let said = "";
      for (const stream of [child.stdout, child.stderr])
        stream?.setEncoding("utf8").on("data", (text: string) => {
          said += text;
        });
      const [question] = await lab.pending();
      // the attack is what it should be: the guard takes the terminal's number for the victim's
      expect(said).toContain("tty_nr");
      expect(question?.caller.tty).toBe(`/dev/pts/${number}`);
      expect(question?.caller.container).toBe(false);
      await expect.poll(() => lab.told, { timeout: 5000 }).toContain(`(muxguard approve ${question?.id})`);
      await answer("deny");
      await ended(child);
      victim.type("\n");
      await victim.shows("over");
      expect(victim.text).not.toContain("muxguard");
    },
  );

  it.skipIf(userInfo().uid !== 0)("is told on no terminal of another user's", async () => {
    const terminal = sh(`tty; read line; ${ssh} ${HOST} true 2>log; echo code $?`);
    await terminal.shows("/dev/pts/");
    chownSync(/\/dev\/pts\/\d+/.exec(terminal.text)?.[0] ?? "", 65534, 0);
    terminal.type("\n");
    const [question] = await lab.pending();
    await expect.poll(() => lab.told, { timeout: 5000 }).toContain(`(muxguard approve ${question?.id})`);
    await answer("approve");
    await terminal.shows("code 0");
    expect(terminal.text).not.toContain(WAITING);
  });
});
