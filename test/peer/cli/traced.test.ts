/**
 * What answers, or is typed into, can't be steered by another process of the same user. The same look into a
 * program without that protection shows that it is not refused to everybody here.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readlinkSync } from "node:fs";
import { userInfo } from "node:os";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ASKPASS, AskpassLab } from "../../../lab/askpass-lab.ts";
import { MUXGUARD } from "../../../lab/lab.ts";
import { Pty } from "../../../lab/terminal/pty.ts";
import { attempt } from "../../../src/attempt.ts";
import { codeOf } from "../../../src/errors.ts";
import { tracingFault } from "../../../src/platform/proc/protect.ts";
import { describeWith, PYTHON, runs } from "../tools.ts";

/** PTRACE_ATTACH, and away again. */
const ATTACH = `
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long
pid = int(sys.argv[1])
if libc.ptrace(16, pid, None, None) != 0: sys.exit(1)
os.waitpid(pid, 0x40000000)
libc.ptrace(17, pid, None, None)
`;

const attaches = (pid: number): boolean => runs(PYTHON, ["-c", ATTACH, String(pid)]);

/** The error of opening a process's memory; undefined if it opens. */
function memoryOf(pid: number): string | undefined {
  try {
    closeSync(openSync(`/proc/${pid}/mem`, "r+"));
    return undefined;
  } catch (error) {
    return String(codeOf(error));
  }
}

const isRoot = userInfo().uid === 0;
if (isRoot) console.warn("skipped, as root may trace every process: commands that answer");

describeWith(isRoot ? [] : ["python"], "another process of the same user", () => {
  const lab = new AskpassLab();
  beforeAll(() => lab.startDaemon());
  afterAll(() => lab.close());

  /** In a terminal, once it shows a text. */
  async function started(shown: string, ...command: string[]): Promise<number> {
    const terminal = new Pty(lab, "/bin/sh", "-c", 'echo "pid $$."; exec "$@"', "-", ...command);
    await terminal.shows(shown);
    return Number(/pid (\d+)\./.exec(terminal.text)?.[1]);
  }

  function expectClosed(pid: number): void {
    expect(memoryOf(pid)).toBe("EACCES");
    expect(attempt(() => readlinkSync(`/proc/${pid}/exe`))).toBeUndefined();
    expect(attaches(pid)).toBe(false);
  }

  it.skipIf(isRoot)("can't trace `muxguard watch`", async () => {
    expectClosed(await started("nothing waits for an answer", process.execPath, MUXGUARD, "watch"));
  });

  it.skipIf(isRoot)("can't trace an askpass that asks on a terminal", async () => {
    expectClosed(await started("secret of a test", ASKPASS, "secret of a test: "));
  });

  it.skipIf(isRoot || tracingFault() === undefined)("can trace a program without protection", async () => {
    const plain = spawn(process.execPath, ["-e", 'console.log("there"); setInterval(() => {}, 1000)']);
    await once(plain.stdout, "data");
    const { pid = 0 } = plain;
    expect(memoryOf(pid)).toBeUndefined();
    expect(attaches(pid)).toBe(true);
    plain.kill();
    await once(plain, "close");
  });

  it("is what `muxguard status` warns of where the kernel lets it", async () => {
    const { stdout } = await lab.muxguard("status");
    const fault = tracingFault();
    expect(stdout.split("\n").filter((line) => line.startsWith("tracing"))).toEqual(
      fault === undefined ? [] : [`tracing    ${fault}`],
    );
  });
});
