/** Whoever passes a descriptor also says how long its last close takes: SO_LINGER of socket(7). */
import { beforeAll, expect, it } from "vitest";
import { stdoutOf, until } from "../../../lab/lab.ts";
import { HOST, MuxLab } from "../../../lab/mux-lab.ts";
import { opened } from "../opened.ts";
import { describeWith, PYTHON, runs } from "../tools.ts";

/** libuv has four threads for all files of a process. */
const CLIENTS = 6;
/** How long the close of each socket takes, in seconds: longer than the test. */
const LINGER = 120;

/** A socket whose data nobody reads. */
const LINGERING = `
import socket, struct, sys, threading
listener = socket.create_server(("127.0.0.1", 0))
unread = []
def lingering(linger):
    one = socket.create_connection(listener.getsockname())
    unread.append(listener.accept()[0])
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, linger))
    one.setblocking(False)
    try:
        while True: one.send(bytes(65536))
    except BlockingIOError: pass
    return one
`;

/** Asks for sessions, passes stdin alone, a socket whose data nobody reads, gives up its own copy, and goes. */
const PASS = `${LINGERING}
path, count, linger, before = sys.argv[1], *map(int, sys.argv[2:])
text = lambda value: struct.pack(">I", len(value)) + value
session = struct.pack(">II", 0x10000002, 1) + text(b"") + struct.pack(">IIIII", 0, 0, 0, 0, 0xffffffff)
for _ in range(count):
    guard = socket.socket(socket.AF_UNIX)
    guard.connect(path)
    guard.sendall(text(struct.pack(">II", 1, 4)))
    guard.recv(4096)
    passed = lingering(linger)
    guard.sendall(text(session + text(b"xterm") + text(b"true")))
    socket.send_fds(guard, [bytes(1)], [0] * before + [passed.fileno()])
    # waits if the guard has closed its own before
    threading.Thread(target=passed.close, daemon=True).start()
    guard.close()
print("passed", flush=True)
sys.stdin.read()
`;

/** Passes one over a connection that takes bytes alone. */
const OFFER = `${LINGERING}
guard = socket.socket(socket.AF_UNIX)
guard.connect(sys.argv[1])
one = lingering(int(sys.argv[2]))
try: socket.send_fds(guard, [bytes(4)], [one.fileno()])
except OSError as error: print(error.strerror)
print("done", flush=True)
sys.stdin.read()
`;

/** SO_PASSRIGHTS: before Linux 6.16 nobody can refuse descriptors. */
const canRefuse = runs(PYTHON, ["-c", "import socket; socket.socket(socket.AF_UNIX).getsockopt(1, 83)"]);

describeWith(["ssh", "sshd"], "sockets that linger", () => {
  const lab = opened(new MuxLab());
  beforeAll(async () => {
    await lab.startMaster();
  });

  it.each([
    ["closes them", 0],
    ["takes none of so many", 12],
    ["takes none of the most that a message has", 252],
  ])(
    "hold up nobody else as the guard %s",
    async (_, before) => {
      const args = ["-c", PASS, lab.controlPath(), `${CLIENTS}`, `${LINGER}`, `${before}`];
      const client = lab.start(PYTHON, args, { stdio: ["pipe", "pipe", "inherit"] });
      const said = stdoutOf(client);
      await until(() => said().includes("passed"), "the clients");
      expect(await lab.ssh(HOST, "echo in")).toMatchObject({ code: 0, stdout: "in\n" });
      client.kill("SIGKILL"); // and so their peers: a reset ends what waits
    },
    60_000,
  );

  it.skipIf(!canRefuse).each([
    ["the agent socket", () => lab.agentSocket],
    ["daemon.sock", () => lab.daemonSocket],
  ])("are not taken at %s", async (_, path) => {
    const client = lab.start(PYTHON, ["-c", OFFER, path(), `${LINGER}`], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const said = stdoutOf(client);
    await until(() => said().includes("done"), "the client");
    expect(await lab.run("ssh-add", ["-l"])).toMatchObject({ code: 0 });
    expect(await lab.muxguard("status")).toMatchObject({ code: 0 });
    expect(said()).toBe("Operation not permitted\ndone\n");
    client.kill("SIGKILL");
  });
});
