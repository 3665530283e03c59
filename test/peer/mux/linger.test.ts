/** Whoever passes a descriptor also says how long its last close takes: SO_LINGER of socket(7). */
import { beforeAll, expect, it } from "vitest";
import { stdoutOf, until } from "../../../lab/lab.ts";
import { HOST, MuxLab } from "../../../lab/mux-lab.ts";
import { opened } from "../opened.ts";
import { describeWith } from "../tools.ts";

/** libuv has four threads for all files of a process. */
const CLIENTS = 6;
/** How long the close of each socket takes, in seconds: longer than the test. */
const LINGER = 120;

/** Asks for sessions, passes stdin alone, a socket whose data nobody reads, gives up its own copy, and goes. */
const PASS = `
import array, socket, struct, sys
path, count, linger = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
listener = socket.create_server(("127.0.0.1", 0))
unread = []
def lingering():
    one = socket.create_connection(listener.getsockname())
    unread.append(listener.accept()[0])
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, linger))
    one.setblocking(False)
    try:
        while True: one.send(bytes(65536))
    except BlockingIOError: pass
    return one
text = lambda value: struct.pack(">I", len(value)) + value
session = struct.pack(">II", 0x10000002, 1) + text(b"") + struct.pack(">IIIII", 0, 0, 0, 0, 0xffffffff)
for _ in range(count):
    guard = socket.socket(socket.AF_UNIX)
    guard.connect(path)
    guard.sendall(text(struct.pack(">II", 1, 4)))
    guard.recv(4096)
    passed = lingering()
    guard.sendall(text(session + text(b"xterm") + text(b"true")))
    socket.send_fds(guard, [bytes(1)], [passed.fileno()])
    passed.close()
    guard.close()
print("passed", flush=True)
sys.stdin.read()
`;

describeWith(["ssh", "sshd"], "sockets that linger", () => {
  const lab = opened(new MuxLab());
  beforeAll(async () => {
    await lab.startMaster();
  });

  it("hold up nobody else as the guard closes them", async () => {
    const args = ["-c", PASS, lab.controlPath(), `${CLIENTS}`, `${LINGER}`];
    const client = lab.start("python3", args, { stdio: ["pipe", "pipe", "inherit"] });
    const said = stdoutOf(client);
    await until(() => said().includes("passed"), "the clients");
    expect(await lab.ssh(HOST, "echo in")).toMatchObject({ code: 0, stdout: "in\n" });
    client.kill("SIGKILL"); // and so their peers: a reset ends what waits
  }, 60_000);
});
