/** Somebody else answers at a socket that an ssh holds: who says what its sessions get would be whoever likes. */
import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { ended, stdoutOf, until } from "../../../lab/lab.ts";
import { HOST, MuxLab } from "../../../lab/mux-lab.ts";
import { ALLOW, opened } from "../opened.ts";
import { describeWith, PYTHON } from "../tools.ts";

/** After this time nothing more is tried, in milliseconds. */
const SETTLED = 1000;

const PACKETS = `
import os, signal, socket, struct, sys, time
def exactly(stream, length):
    data = b""
    while len(data) < length:
        more = stream.recv(length - len(data))
        if not more: raise SystemExit("closed")
        data += more
    return data
def packet(stream): return exactly(stream, struct.unpack(">I", exactly(stream, 4))[0])
def text(value): return struct.pack(">I", len(value)) + value
def send(stream, *numbers): stream.sendall(text(struct.pack(">%dI" % len(numbers), *numbers)))
`;

/** Listens as a master would, hands the socket to an ssh as its stdin, and answers in that one's name. */
const HELD = `${PACKETS}
path, stops, ssh = sys.argv[1], sys.argv[2] == "stopped", sys.argv[3:]
listener = socket.socket(socket.AF_UNIX)
listener.bind(path + ".ABCDEFGHIJKLMNOP")
pid = os.fork()
if pid == 0:
    listener.listen()
    os.dup2(listener.fileno(), 0)
    os.execvp(ssh[0], ssh)
while not os.readlink("/proc/%d/exe" % pid).endswith("/ssh"): time.sleep(0.01)
if stops: os.kill(pid, signal.SIGSTOP)
os.rename(path + ".ABCDEFGHIJKLMNOP", path)
print(pid, flush=True)
while True:
    client, _ = listener.accept()
    if os.fork() > 0: continue
    send(client, 1, 4)
    packet(client)
    _, number = struct.unpack(">II", packet(client)[:8])
    send(client, 0x80000005, number, pid)
    packet(client)
    os._exit(0)
`;

/** Listens, ends, and comes to a master's place; a child answers there that it is that master. */
const CLAIM = `${PACKETS}
elsewhere, path, claimed = sys.argv[1], sys.argv[2], int(sys.argv[3])
listener = socket.socket(socket.AF_UNIX)
listener.bind(elsewhere)
listener.listen()
parent = os.getpid()
if os.fork() > 0: os._exit(0)
while os.path.exists("/proc/%d" % parent): time.sleep(0.01)
os.rename(elsewhere, path)
print(os.getpid(), flush=True)
while True:
    client, _ = listener.accept()
    if os.fork() > 0: continue
    send(client, 1, 4)
    packet(client)
    while True:
        _, number = struct.unpack(">II", packet(client)[:8])
        send(client, 0x80000005, number, claimed)
`;

/** Asks for a session with a socket of the kind as its stderr, and waits for the answer. */
const PASS = `${PACKETS}
path, kind = sys.argv[1], sys.argv[2]
guard = socket.socket(socket.AF_UNIX)
guard.connect(path)
send(guard, 1, 4)
packet(guard)
one, other = socket.socketpair()
passed = one if kind == "connected" else socket.socket(socket.AF_UNIX)
if kind != "connected": passed.bind(path + "-" + kind)
if kind == "listening": passed.listen()
request = struct.pack(">II", 0x10000002, 1) + text(b"") + struct.pack(">IIIII", 0, 0, 0, 0, 0xffffffff)
guard.sendall(text(request + text(b"xterm") + text(b"true")))
for descriptor in (one.fileno(), one.fileno(), passed.fileno()):
    socket.send_fds(guard, [bytes(1)], [descriptor])
packet(guard)
`;

describeWith(["ssh", "sshd", "python"], "a socket that an ssh holds", () => {
  const lab = opened(new MuxLab(), ALLOW);
  beforeAll(() => {
    writeFileSync(lab.path("held.py"), HELD);
    writeFileSync(lab.path("pass.py"), PASS);
  });
  afterEach(() => lab.endMasters());

  describe.each(["running", "stopped"])("and does not answer at, %s", (how) => {
    it("is left alone: its sessions would pass for verified ones", async () => {
      const words = ["-F", lab.sshConfig, "-N", "-o", "ControlMaster=no", "-o", "ControlPath=none", HOST];
      const args = [lab.path("held.py"), lab.controlPath(), how, "ssh", ...words];
      const child = lab.start(PYTHON, args, { stdio: ["ignore", "pipe", "ignore"] });
      const [said, before] = [stdoutOf(child), lab.told.length];
      await until(() => said().endsWith("\n"), "the socket");
      try {
        const alone = `muxguard: ${lab.controlPath()} is left alone: process ${said().trim()} does not listen there\n`;
        await until(() => lab.told.length > before, "what the guard says of it");
        await sleep(SETTLED);
        expect(lab.told.slice(before)).toBe(alone);
        expect(lab.isAdopted()).toBe(false);
      } finally {
        process.kill(Number(said()), "SIGKILL");
        child.kill("SIGKILL");
        await ended(child);
      }
    });
  });

  it("is no master's in whose name somebody else answers, in that one's place: its sessions would be that one's", async () => {
    const master = await lab.startMaster();
    writeFileSync(lab.path("claim.py"), CLAIM);
    const args = [lab.path("claim.py"), lab.path("elsewhere.sock"), lab.controlPath(), String(master)];
    const before = lab.told.length;
    const child = lab.start(PYTHON, args, { stdio: ["ignore", "pipe", "ignore"] });
    const said = stdoutOf(child);
    await until(() => said().endsWith("\n"), "the socket");
    try {
      const alone = `${lab.controlPath()} is left alone: process ${master} does not listen there\n`;
      await until(() => lab.told.length > before, "what the guard says of it");
      await sleep(SETTLED);
      expect(lab.told.slice(before)).toContain(alone);
    } finally {
      process.kill(Number(said()), "SIGKILL");
    }
  });

  it.each([
    ["goes to a master with a stream", "connected", "allow"],
    ["does not with a socket that listens", "listening", "deny"],
    ["does not with a socket that may come to listen", "bound", "deny"],
  ])("a session %s: who holds one could be taken for a master", async (_, kind, decision) => {
    await lab.startMaster();
    const args = [lab.path("pass.py"), lab.controlPath(), kind];
    const { result, events } = await lab.logged(() => lab.run(PYTHON, args));
    expect(result).toMatchObject({ code: 0, stderr: "" });
    const reason = "stdin, stdout or stderr is a socket that nobody has connected";
    expect(events).toMatchObject([{ kind: "session", decision, ...(decision === "deny" && { reason }) }]);
  });
});
