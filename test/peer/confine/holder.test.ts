/**
 * The holder of a confined run is killed after bubblewrap has started, and before the command has: nothing of
 * the run stays, and the command never starts. The moment is made longer by SIGSTOP.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { afterAll, expect, it } from "vitest";
import { ConfinedLab } from "../../../lab/confined-lab.ts";
import { until } from "../../../lab/lab.ts";
import { Pty } from "../../../lab/terminal/pty.ts";
import { attempt } from "../../../src/attempt.ts";
import { parseStat } from "../../../src/platform/proc/stat.ts";
import { RUN_HOLDER } from "../../../src/runs/in-run.ts";
import { describeWith } from "../tools.ts";

const ROUNDS = 4;
/** In milliseconds: by then all is made, and it waits for a line. */
const WAITS = 300;

describeWith(["bwrap", "python"], "the end of a confined run's holder before the command begins", () => {
  const lab = new ConfinedLab({ hasDaemon: false });
  afterAll(() => lab.close());

  const start = (line: string): void =>
    void lab.startConfined(line, { stdio: ["ignore", "pipe", "pipe"], detached: true });
  const startOnTerminal = (line: string): void =>
    void new Pty(lab, process.execPath, lab.program, "run", "--confine", "--", "/bin/sh", "-c", line);

  it.each<[string, (line: string) => void, number]>([
    ["has just started", start, 0],
    ["waits for its holder", start, WAITS],
    ["has just started on a terminal", startOnTerminal, 0],
    ["waits for its holder on a terminal", startOnTerminal, WAITS],
  ])("ends all of it, where bubblewrap %s", async (_, begin, later) => {
    for (let round = 0; round < ROUNDS; ) {
      const started = lab.path(`started-${process.hrtime.bigint()}`);
      begin(`echo > ${started}; exec sleep 1000`);
      const holder = await stoppedHolder(started);
      // where the first process in the namespaces was there by then, the command may have begun
      const isBefore = bubblewraps(started).length < 2;
      // its child asks to end with its parent some 50 µs after it was made, and waits for that one then. Before that
      // an idle one stays, and starts nothing (docs/confined-runs.md)
      await until(() => bubblewraps(started).filter(isAsleep).length >= 2, "bubblewrap");
      await new Promise((resolve) => setTimeout(resolve, later));
      process.kill(holder, "SIGKILL");
      await until(
        () => processesOf(started).length === 0,
        () => `the end of ${JSON.stringify(processesOf(started))}`,
      );
      if (!isBefore) continue;
      expect(existsSync(started)).toBe(false);
      round++;
    }
  });

  it("would start it, if the holder went on", async () => {
    const started = lab.path("started-at-last");
    start(`echo > ${started}; exec sleep 1000`);
    const holder = await stoppedHolder(started);
    await until(() => bubblewraps(started).length > 0, "bubblewrap");
    process.kill(holder, "SIGCONT");
    await until(() => existsSync(started), "the command");
    process.kill(holder, "SIGKILL");
    await until(() => processesOf(started).length === 0, "the end of all");
  });
});

/** Stopped as soon as it has a child. */
async function stoppedHolder(text: string): Promise<number> {
  let holder: number | undefined;
  await until(() => {
    holder = processesOf(text).find(({ name }) => name === RUN_HOLDER)?.pid;
    return holder !== undefined;
  }, "the holder");
  const pid = holder ?? 0;
  for (const end = Date.now() + 20_000; Date.now() < end; )
    if (readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1") !== "") break;
  process.kill(pid, "SIGSTOP");
  return pid;
}

function bubblewraps(text: string): number[] {
  return processesOf(text)
    .filter(({ name }) => name === "bwrap")
    .map(({ pid }) => pid);
}

function isAsleep(pid: number): boolean {
  return attempt(() => parseStat(readFileSync(`/proc/${pid}/stat`, "latin1")).state) === "S";
}

/** Those that have a text in their command line. */
function processesOf(text: string): { pid: number; name: string; words: string }[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    const words = attempt(() => readFileSync(`/proc/${pid}/cmdline`, "utf8")) ?? "";
    const name = attempt(() => readFileSync(`/proc/${pid}/comm`, "utf8")) ?? "";
    return words.includes(text) ? [{ pid: Number(pid), name: name.trim(), words }] : [];
  });
}
