/**
 * Who asks becomes somebody else while the question is open: an answer is for the one who was shown, and nobody
 * else gets what it was asked for.
 */
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { accessSync, constants, copyFileSync, readlinkSync } from "node:fs";
import { userInfo } from "node:os";
import { afterAll, beforeAll } from "vitest";
import { ended, Lab, until } from "../../lab/lab.ts";
import { PYTHON } from "../../lab/programs.ts";
import { attempt } from "../../src/attempt.ts";
import { encodeAgentRequest } from "../../src/wire/agent/agent.ts";
import { encodeFrame } from "../../src/wire/frame.ts";
import { encodeSshsig } from "../../src/wire/signed-data.ts";
import { readBlob } from "../peer/identity/keys.ts";
import { describeWith } from "../peer/tools.ts";
import { gainNothing, type Outcome } from "./attack.ts";

/** Asks for a signature, waits for a line, changes, says so, and prints what kind of answer came. */
const ASKS = `
import os, socket, sys
way, path, request, copy = sys.argv[1:5]
again = os.environ.get("AGAIN")
s = socket.socket(fileno=int(again)) if again else socket.socket(socket.AF_UNIX)
s.set_inheritable(True)
def ask():
    s.connect(path)
    s.sendall(bytes.fromhex(request))
def tell():
    print("changed", flush=True)
    print(s.recv(5)[4:].hex(), flush=True)
if way == "reuse":
    asker = os.fork()
    if asker == 0:
        ask()
        sys.stdin.readline()
        os._exit(0)
    os.waitpid(asker, 0)
    for _ in range(1000):
        with open("/proc/sys/kernel/ns_last_pid", "w") as last: last.write(str(asker - 1))
        child = os.fork()
        if child == 0:
            if os.getpid() == asker: tell()
            os._exit(0)
        os.waitpid(child, 0)
        if child == asker: sys.exit(0)
    sys.exit("no such pid")
if again:
    tell()
    sys.exit(0)
ask()
sys.stdin.readline()
if way == "same words":
    os.environ.update(AGAIN=str(s.fileno()), PYTHONHOME=sys.base_prefix)
    with open("/proc/self/cmdline", "rb") as words: os.execv(copy, words.read().split(b"\\0")[:-1])
if way == "other program":
    os.dup2(s.fileno(), 0)
    print("changed", flush=True)
    os.execv("/usr/bin/od", ["od", "-An", "-tx1", "-j4", "-N1"])
if way == "other script":
    code = "import os,sys;print('changed',flush=True);print(os.read(int(sys.argv[1]),5)[4:].hex())"
    os.execv(sys.executable, [sys.executable, "-c", code, str(s.fileno())])
if way == "child" and os.fork() > 0: os._exit(0)
tell()
`;

/** Of SSH_AGENT_SIGN_RESPONSE. */
const SIGNED = "0e";

const LAST_PID = "/proc/sys/kernel/ns_last_pid";
const mayWrite = (path: string): boolean =>
  attempt(() => {
    accessSync(path, constants.W_OK);
    return true;
  }) ?? false;
const canChoosePids = userInfo().uid === 0 && mayWrite(LAST_PID);

describeWith(["ssh", "python"], "an approval is not for", () => {
  const lab = new Lab();
  const copy = lab.path("copy");
  let request: string;
  beforeAll(async () => {
    copyFileSync(PYTHON, copy);
    lab.config('approvers = ["queue"]\n');
    const keyFile = lab.key("me@laptop");
    await lab.startAgent("upstream.sock", keyFile);
    await lab.startDaemon();
    const data = encodeSshsig({
      kind: "sshsig",
      namespace: "file",
      hashAlgorithm: "sha256",
      hash: randomBytes(32),
    });
    const key = readBlob(`${keyFile}.pub`);
    const payload = encodeAgentRequest({ type: "SSH_AGENTC_SIGN_REQUEST", key, data, flags: 0 });
    request = encodeFrame(payload).packet.toString("hex");
  });
  afterAll(() => lab.close());

  /** What the asker prints after its change: the number of the answer. */
  const ask = async (way: string): Promise<{ answer: string; by: string }> => {
    const child: ChildProcess = lab.start(PYTHON, ["-c", ASKS, way, lab.agentSocket, request, copy], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    let said = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    const { events } = await lab.logged(async () => {
      const [question] = await lab.pending();
      child.stdin?.write("now\n");
      await until(() => said.includes("changed"), `the change (${way})`);
      if (way === "other program")
        await until(() => /\/od$/.test(attempt(() => readlinkSync(`/proc/${child.pid}/exe`)) ?? ""), "od");
      await lab.muxguard("approve", "--once", question?.id ?? "");
      await until(() => /changed\s+[0-9a-f]{2}\s/.test(said), "its answer");
      await ended(child);
    });
    return { answer: said.trim().slice(-2), by: events.map(({ by }) => by).join() };
  };
  let honest: ReturnType<typeof ask> | undefined;
  const change = async (way: string): Promise<Outcome> => {
    honest ??= ask("stays");
    const { answer } = await honest;
    const changed = await ask(way);
    const isDenied = /^fault:/.test(changed.by);
    return { tried: answer === SIGNED && isDenied, gained: changed.answer === SIGNED && changed };
  };

  if (!canChoosePids)
    console.warn("skipped, for want of a pid of one's choice: a process that took over a pid");
  gainNothing({
    "another program that the asker has become": () => change("other program"),
    "another program that is called by the same words": () => change("same words"),
    "another script that the asker's interpreter runs now": () => change("other script"),
    "a child that holds the connection of an asker that has ended": () => change("child"),
    ...(canChoosePids && { "a process that got the pid of an asker that has ended": () => change("reuse") }),
  });
});
