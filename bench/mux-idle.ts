/** Sessions that are open and do nothing: what the guard keeps for each of them. */
import type { ChildProcess } from "node:child_process";
import { endOf, firstWords } from "../lab/processes.ts";
import type { Lab } from "./lab.ts";
import { residentMemory } from "./load.ts";
import { HOST, MuxLab } from "./mux-lab.ts";
import type { Row } from "./table.ts";

const SESSIONS = 500;
const MOST_KILOBYTES = 20;
/** How many are opened at once. */
const BATCH = 10;

export async function benchIdle(lab: Lab): Promise<Row[]> {
  const mux = await MuxLab.open(lab);
  const { guarded } = await mux.startMasters();
  const { pid } = mux.guard;
  // as many as are measured then: the heap of a guard that has just started grows with the first of them,
  // however small they are
  await endAll(await openSessions(mux, guarded));
  const before = residentMemory(pid);
  const sessions = await openSessions(mux, guarded);
  const after = residentMemory(pid);
  await endAll(sessions);
  const kilobytes = ((after - before) * 1000) / SESSIONS;
  const result = `${kilobytes.toFixed(1)} KB`;
  return [
    {
      measure: `resident memory for each of ${SESSIONS} idle sessions`,
      guard: `${before.toFixed(0)} MB, with them ${after.toFixed(0)} MB`,
      result,
      target: `< ${MOST_KILOBYTES} KB`,
      holds: kilobytes < MOST_KILOBYTES,
    },
  ];
}

async function openSessions(mux: MuxLab, controlPath: string): Promise<ChildProcess[]> {
  const sessions: ChildProcess[] = [];
  while (sessions.length < SESSIONS)
    sessions.push(...(await Promise.all(Array.from({ length: BATCH }, () => openSession(mux, controlPath)))));
  return sessions;
}

async function openSession(mux: MuxLab, controlPath: string): Promise<ChildProcess> {
  const child = mux.lab.spawn("ssh", [...mux.arguments(controlPath), HOST, "echo && exec cat"], {
    env: mux.environment,
    stdio: ["pipe", "pipe", "inherit"],
  });
  await firstWords(child);
  return child;
}

async function endAll(sessions: readonly ChildProcess[]): Promise<void> {
  await Promise.all(sessions.map(endOf));
}
