/** Ways into other processes, or to their end. */
import type { ChildProcess } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { userInfo } from "node:os";
import { afterAll, beforeAll } from "vitest";
import { firstWords, signal } from "../../lab/processes.ts";
import { PYTHON } from "../../lab/programs.ts";
import { attempt } from "../../src/attempt.ts";
import { describeWith } from "../peer/tools.ts";
import { inProject, tryAll } from "./attack-table.ts";
import { ConfineLab } from "./confine-lab.ts";
import { TABLES } from "./rows.ts";

/** A program of the user's with secrets in all places. It goes on when both of its keyrings hold one too. */
const VICTIM = `
import ctypes, os, signal, sys
secret, libc = sys.argv[1], ctypes.CDLL(None)
libc.shmget(int(secret.split("-")[1]), 4096, 0o1600)
with open(f"/dev/shm/{secret}", "w") as file: file.write(secret)
print(os.getpid(), flush=True)
signal.pause()
`;

/** Gives the session keyring that it starts muxguard with a key, and the user's too. */
const WITH_KEYRING = `
import ctypes, os, sys
libc = ctypes.CDLL(None)
libc.syscall(250, 1, None)
secret = os.environ["KEYRING_SECRET"].encode()
for ring in (-3, -4): libc.syscall(248, b"user", secret, secret, len(secret), ctypes.c_long(ring))
os.execv(sys.argv[1], sys.argv[1:])
`;

const YAMA = attempt(() => readFileSync("/proc/sys/kernel/yama/ptrace_scope", "latin1"))?.trim() ?? "0";

describeWith(["ssh", "sshd", "python", "bwrap"], "a confined run has nothing to do with others:", () => {
  const lab = new ConfineLab();
  const number = 1_000_000 + (process.pid % 1_000_000);
  const secret = `secret-${number}`;
  const tag = `${number}.5`;
  let victim: ChildProcess;

  beforeAll(async () => {
    await lab.open();
    const env = { ...lab.environment, SECRET: secret };
    victim = lab.start(PYTHON, ["-c", VICTIM, secret], { stdio: ["pipe", "pipe", "inherit"], env });
    await firstWords(victim);
  });
  afterAll(async () => {
    rmSync(`/dev/shm/${secret}`, { force: true });
    await lab.run(PYTHON, [
      "-c",
      `import ctypes; l = ctypes.CDLL(None); l.shmctl(l.shmget(${number}, 0, 0), 0, None)`,
    ]);
    await lab.close();
  });

  tryAll("processes", {
    lab,
    facts: async (confined) => ({
      ...{ confined, secret, tag, sharedMemory: number, victim: victim.pid, daemon: lab.daemon?.pid },
      hidden: `${lab.home}/.ssh/id_ed25519`,
      master: await lab.masterPid(),
      agentPid: pidsOf((line) => line.startsWith("ssh-agent\0") && line.includes(lab.agent))[0],
      decoy: lab.start("sleep", ["1000"], { stdio: "ignore" }).pid,
      mayTrace: userInfo().uid === 0 ? YAMA !== "3" : YAMA === "0",
    }),
    start: async (words, environment) => {
      const env = { ...environment, KEYRING_SECRET: secret };
      return (await lab.run(...inProject(lab, [PYTHON, "-c", WITH_KEYRING, ...words]), { environment: env }))
        .stdout;
    },
    answers: {
      holder,
      "left behind": (word) => {
        const found = pidsOf((line) => line === `sleep\0${word}\0`);
        for (const pid of found) signal(pid);
        return found.length > 0;
      },
    },
  });
});

/** The muxguard that is this run's. */
function holder(): number | undefined {
  const isRun = (line: string): boolean =>
    line.includes("\0run\0") && line.endsWith(`${TABLES}/processes.py\0`);
  return pidsOf((line) => isRun(line) && !line.includes("bwrap"))[0];
}

function pidsOf(isMeant: (commandLine: string, pid: number) => boolean): number[] {
  const pids = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return pids.filter((pid) =>
    isMeant(attempt(() => readFileSync(`/proc/${pid}/cmdline`, "latin1")) ?? "", pid),
  );
}
