/**
 * A master gives the server's answer to a global request to whoever has waited longest, and does not know
 * what its proxy clients ask for: client_global_request_reply() of clientloop.c.
 */
import { afterEach, expect, it } from "vitest";
import { ended, freePort, stdoutOf, until } from "../../../lab/lab.ts";
import { HOST, MuxLab } from "../../../lab/mux-lab.ts";
import { opened } from "../opened.ts";
import { describeWith, PYTHON } from "../tools.ts";

/** Speaks as `ssh -O proxy` does, has the server listen, and wants to be told of it. */
const FORWARD = `
import socket, struct, sys
text = lambda value: struct.pack(">I", len(value)) + value
numbers = lambda *values: struct.pack(">%dI" % len(values), *values)
guard = socket.socket(socket.AF_UNIX)
guard.connect(sys.argv[1])
def receive():
    header = guard.recv(4, socket.MSG_WAITALL)
    return guard.recv(struct.unpack(">I", header)[0], socket.MSG_WAITALL)
def send(payload): guard.sendall(text(payload))
send(numbers(1, 4)); receive()
send(numbers(0x1000000f, 0)); receive()
send(b"\\0\\x50" + text(b"tcpip-forward") + b"\\1" + text(sys.argv[2].encode()) + numbers(int(sys.argv[3])))
print("sent", flush=True)
sys.stdin.read()
`;

describeWith(["ssh", "sshd", "python"], "a forward that a proxy client wants to be told of", () => {
  const lab = opened(new MuxLab());
  const forwards = (): number => lab.log().filter(({ kind }) => kind === "forward").length;
  afterEach(() => lab.endMasters());

  it.each([
    ["makes", "localhost"],
    ["refuses", "nowhere.invalid"],
  ])("leaves others their own answers, and the master alive: one that the server %s", async (_, address) => {
    const master = await lab.startMaster();
    const { stdout } = await lab.ssh(HOST, "echo $PPID");
    const server = Number(stdout);
    expect(server).toBeGreaterThan(1);
    process.kill(server, "SIGSTOP"); // both are asked before either is answered
    const before = forwards();
    const args = ["-c", FORWARD, lab.controlPath(), address, `${await freePort()}`];
    const client = lab.start(PYTHON, args, { stdio: "pipe" });
    const said = stdoutOf(client);
    await until(() => said() !== "" && forwards() === before + 1, "the client's request");
    const other = lab.ssh("-O", "forward", "-R", "0:127.0.0.1:1", HOST);
    await until(() => forwards() === before + 2, "the other's");
    process.kill(server, "SIGCONT");
    expect(await other).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\n$/) });
    expect(await lab.masterPid()).toBe(master);
    client.stdin?.end();
    await ended(client);
  });
});
