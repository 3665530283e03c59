/**
 * Who asks a control socket becomes somebody else between its greeting, when the guard looks ahead, and its
 * request: it is judged as what it is by then.
 */
import { copyFileSync, realpathSync } from "node:fs";
import { afterAll, beforeAll } from "vitest";
import { finished } from "../../lab/lab.ts";
import { MuxLab } from "../../lab/mux-lab.ts";
import { PYTHON } from "../../lab/programs.ts";
import { describeWith } from "../peer/tools.ts";
import { gainNothing, type Outcome } from "./attack.ts";

/** Greets, is answered, changes, and only then asks for a session, whose output is its own. */
const ASKS = `
import os, socket, struct, sys
way, place, other = sys.argv[1:4]
text = lambda value: struct.pack(">I", len(value)) + value
def answer():
    length, = struct.unpack(">I", s.recv(4, socket.MSG_WAITALL))
    s.recv(length, socket.MSG_WAITALL)
def become():
    os.environ["PYTHONHOME"] = sys.base_prefix
    os.execv(other, [other, "-c", os.environ["ASKS"], "asks", str(s.fileno()), ""])
if way == "asks":
    s = socket.socket(fileno=int(place))
else:
    s = socket.socket(socket.AF_UNIX)
    s.set_inheritable(True)
    s.connect(place)
    s.sendall(text(struct.pack(">II", 1, 4)))
    answer()
    s.sendall(text(struct.pack(">II", 0x10000004, 0)))
    answer()
before = os.getpid()
if way == "other program": become()
if way == "child of another":
    if os.fork() == 0: become()
    os.wait()
    sys.exit()
if way == "child":
    if os.fork() > 0: os._exit(0)
    while os.getppid() == before: pass
session = struct.pack(">II", 0x10000002, 1) + text(b"") + struct.pack(">IIIII", 0, 0, 0, 0, 0xffffffff)
s.sendall(text(session + text(b"xterm") + text(b"echo gained")))
for fd in 0, 1, 2: socket.send_fds(s, [bytes(1)], [fd])
while s.recv(4096): pass
`;

describeWith(["ssh", "sshd", "python"], "a greeting is not for", () => {
  const lab = new MuxLab();
  const allowed = realpathSync(PYTHON);
  const other = lab.path("other");
  beforeAll(async () => {
    copyFileSync(PYTHON, other);
    lab.policy('default = "allow"\n');
    await lab.open();
    await lab.startMaster();
    lab.policy(`default = "deny"\n[[rule]]\non = ["session"]\ncaller = "${allowed}"\naction = "allow"\n`);
  });
  afterAll(() => lab.close());

  const ask = async (
    way: string,
    [first, then]: [string, string],
  ): Promise<{ stdout: string; by: string }> => {
    const asker = lab.start(first, ["-c", ASKS, way, lab.controlPath(), then], {
      env: { ...lab.environment, ASKS, PYTHONHOME: "/usr" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const { result, events } = await lab.logged(() => finished(asker));
    return { stdout: result.stdout, by: events.map(({ by }) => by).join() };
  };
  let honest: ReturnType<typeof ask> | undefined;
  const change = async (way: string, programs: [string, string]): Promise<Outcome> => {
    honest ??= ask("stays", [allowed, ""]);
    const { stdout } = await honest;
    const changed = await ask(way, programs);
    return {
      tried: stdout === "gained\n" && /^(default|fault:caller)$/.test(changed.by),
      gained: changed.stdout.includes("gained") && changed,
    };
  };

  gainNothing({
    "another program that the one who greeted has become": () => change("other program", [allowed, other]),
    "a child that holds the connection of one that greeted and has ended": () =>
      change("child", [allowed, ""]),
    "a program that speaks for the one who greeted": () => change("child of another", [other, allowed]),
  });
});
