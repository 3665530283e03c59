/**
 * Bytes through the terminal of a run's own: against the same program on a terminal alone, and against
 * script(1), which is in C and has a terminal of its own for the program as well.
 */

import { text } from "node:stream/consumers";
import { MUXGUARD, PYTHON } from "../lab/programs.ts";
import { NODE } from "./as-ssh.ts";
import type { Lab } from "./lab.ts";
import { summarize } from "./samples.ts";
import { type Row, renderSummary } from "./table.ts";

const ROUNDS = 9;
const BYTES = 64 * 1024 * 1024;
/** In MB a second. */
const LEAST = 100;
/** Times what script(1) takes. */
const MOST = 1.5;

/** A terminal as fast as one can be: it says how long it took from the first byte to the last. */
const TERMINAL = `
import os, pty, sys, time
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
began, read = None, 0
while True:
    try:
        more = os.read(terminal, 65536)
    except OSError:
        break
    if not more:
        break
    began = began or time.monotonic()
    read += len(more)
print(read, (time.monotonic() - began) * 1000)
`;

export async function benchPty(lab: Lab): Promise<Row[]> {
  const program = ["head", "-c", String(BYTES), "/dev/zero"];
  const environment = lab.environment();
  const once = async (...command: string[]): Promise<number> => {
    const stdio = ["ignore" as const, "pipe" as const, "inherit" as const];
    const terminal = lab.spawn(PYTHON, ["-c", TERMINAL, ...command], { env: environment, stdio });
    const said = terminal.stdout ? await text(terminal.stdout) : "";
    const [read, milliseconds] = said.split(" ").map(Number);
    if (read !== BYTES) throw new Error(`${read} of ${BYTES} bytes came through`);
    return milliseconds ?? Number.NaN;
  };
  const scripted = ["script", "-qfc", program.join(" "), "/dev/null"];
  const [bare, inScript, guarded]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < ROUNDS; round++) {
    bare.push(await once(...program));
    inScript.push(await once(...scripted));
    guarded.push(await once(NODE, MUXGUARD, "run", "--", ...program));
  }
  const [without, script, guard] = [summarize(bare), summarize(inScript), summarize(guarded)];
  const speed = BYTES / 1000 / guard.p50;
  const ofScript = guard.p50 / script.p50;
  return [
    {
      measure: "64 MiB from a program to its terminal",
      bare: renderSummary(without),
      guard: renderSummary(guard),
      result: `${(guard.p50 / without.p50).toFixed(2)} × bare, ${speed.toFixed(0)} MB/s`,
      target: `≥ ${LEAST} MB/s`,
      holds: speed >= LEAST,
    },
    {
      measure: "the same against `script`",
      bare: renderSummary(script),
      guard: renderSummary(guard),
      result: `${ofScript.toFixed(2)} × script`,
      target: `≤ ${MOST}`,
      holds: ofScript <= MOST,
    },
  ];
}
