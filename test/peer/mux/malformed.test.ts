/** Messages at which sshd ends the connection: in proxy mode they end their own client, and nobody else. */
import { beforeAll, expect, it } from "vitest";
import { ended, stdoutOf, until } from "../../../lab/lab.ts";
import { HOST, MuxLab } from "../../../lab/mux-lab.ts";
import { opened } from "../opened.ts";
import { describeWith } from "../tools.ts";

/** Speaks as `ssh -O proxy` does, opens a session, sends one message and waits for the end. */
const SEND = `
import socket, struct, sys
path, kind = sys.argv[1:]
text = lambda value: struct.pack(">I", len(value)) + value
numbers = lambda *values: struct.pack(">%dI" % len(values), *values)
guard = socket.socket(socket.AF_UNIX)
guard.settimeout(30)
guard.connect(path)
def receive():
    header = guard.recv(4, socket.MSG_WAITALL)
    if len(header) < 4: return None
    return guard.recv(struct.unpack(">I", header)[0], socket.MSG_WAITALL)
def send(payload): guard.sendall(text(payload))
send(numbers(1, 4)); receive()
send(numbers(0x1000000f, 0)); receive()
large = 1 << 31
send(b"\\0\\x5a" + text(b"session") + numbers(0, large if kind == "packets" else 1 << 21, large if kind == "packets" else 32768))
answer = receive()
if answer is not None:
    assert answer[1] == 91, answer
    server = answer[6:10]
    request = lambda name, rest, reply=b"\\1": send(b"\\0\\x62" + server + text(name) + reply + rest)
    sizes = numbers(80, 24, 0, 0)
    if kind == "modes": request(b"pty-req", text(b"xterm") + sizes + text(bytes([53, 0])))
    if kind == "terminal": request(b"pty-req", text(b"xt\\0erm") + sizes + text(b""))
    if kind == "variable": request(b"env", text(b"LC_A") + text(b"a\\0b"))
    if kind == "end": request(b"eow@openssh.com", b"x")
    if kind == "length": request(b"env", text(b"LC_A") + text(b"x" * (256 * 1024 - 26)))
    if kind == "socket": send(b"\\0\\x5a" + text(b"direct-streamlocal@openssh.com") + numbers(1, 1 << 21, 32768) + text(b"/a") + text(b"a\\0b") + numbers(0))
    if kind in ("size", "break"):
        request(b"shell", b"")
        while receive()[1] != 99: pass
        request(b"window-change" if kind == "size" else b"break", b"x")
    if kind == "packets":
        request(b"exec", text(b"cat /dev/zero"), b"\\0")
        import time; time.sleep(3)
    while True:
        message = receive()
        if message is None or message[1] == 100: break
    if message: request(b"shell", b""); receive()
print("ended" if answer is None or message is None else "goes on")
`;

describeWith(["ssh", "sshd"], "a message that sshd can't take", () => {
  const lab = opened(new MuxLab());
  beforeAll(async () => {
    await lab.startMaster();
  });

  it.each(["modes", "terminal", "variable", "end", "length", "socket", "size", "break", "packets"])(
    "ends its client, and another's session goes on: %s",
    async (kind) => {
      const other = lab.start("ssh", ["-F", lab.sshConfig, HOST, "cat"], { stdio: "pipe" });
      const said = stdoutOf(other);
      other.stdin?.on("error", () => {});
      other.stdin?.write("before\n");
      await until(() => said() === "before\n", "the other session");
      const client = await lab.run("python3", ["-c", SEND, lab.controlPath(), kind]);
      expect(client).toMatchObject({ code: 0, stdout: "ended\n" });
      other.stdin?.end("after\n");
      await ended(other);
      expect(said()).toBe("before\nafter\n");
      expect(other.exitCode).toBe(0);
    },
  );
});
