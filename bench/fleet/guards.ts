/** Whole guards, with a fleet and without: how soon a question is on a person's board, and what that takes. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { sign, signRequest } from "../agent.ts";
import { AgentClient } from "../agent-client.ts";
import type { GuardOptions } from "../lab.ts";
import { residentMemory } from "../load.ts";
import { askOn, askOnBus, ON_BUS, READY_AFTER, type Screen } from "../prompt.ts";
import { summarize } from "../samples.ts";
import { type Row, renderSummary } from "../table.ts";
import { boardOf } from "./answers.ts";
import type { SimulatedFleet } from "./simulated.ts";

const [MOST_MORE, MOST_MEGABYTES] = [50, 15];
/** Guards of each kind whose memory is compared. */
const PAIRS = 5;

export async function benchGuards(fleet: SimulatedFleet): Promise<Row[]> {
  const here = summarize((await askOnBus(fleet.lab)).found.later);
  const there = summarize(await onBoard(fleet));
  const more = there.p50 - here.p50;
  return [
    {
      measure: "request to question on a person's board, against one on the session's bus",
      bare: renderSummary(here),
      guard: renderSummary(there),
      result: `${more.toFixed(1)} ms more`,
      target: `< ${MOST_MORE} ms more`,
      holds: more < MOST_MORE,
    },
    await memoryOfFleet(fleet),
  ];
}

/** What `muxguard watch --fleet` looks at four times a second, as it does at the questions of its own machine. */
async function onBoard(fleet: SimulatedFleet): Promise<number[]> {
  const bus = await fleet.personBus();
  let look = (): void => {};
  const board = boardOf(
    fleet,
    bus,
    () => look(),
    () => look(),
  );
  const until = (holds: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      look = () => holds() && resolve();
      look();
    });
  const screen: Screen = {
    shows: () => until(() => board.list().length > 0),
    isEmpty: () => until(() => board.list().length === 0),
  };
  try {
    const { found } = await askOn(screen, fleet.lab, () => optionsOf(fleet, 'approvers = ["fleet"]'), ON_BUS);
    return found.later;
  } finally {
    await bus.close();
  }
}

async function memoryOfFleet(fleet: SimulatedFleet): Promise<Row> {
  const approvers = 'approvers = ["askpass"]';
  const [alone, joined]: [number[], number[]] = [[], []];
  while (joined.length < PAIRS) {
    alone.push(await memoryAfterSignature(fleet, { config: approvers }));
    joined.push(await memoryAfterSignature(fleet, optionsOf(fleet, approvers)));
  }
  const [without, withFleet] = [summarize(alone).p50, summarize(joined).p50];
  const more = withFleet - without;
  return {
    measure: "resident memory of a guard after its first signature, without [fleet] and with it",
    bare: `${without.toFixed(0)} MB`,
    guard: `${withFleet.toFixed(0)} MB`,
    result: `${more.toFixed(0)} MB more`,
    target: `≤ ${MOST_MEGABYTES} MB more`,
    holds: more <= MOST_MEGABYTES,
  };
}

async function memoryAfterSignature({ lab }: SimulatedFleet, options: GuardOptions): Promise<number> {
  const { socket, pid, child } = await lab.startGuard(options);
  await sleep(READY_AFTER);
  const client = await AgentClient.connect(socket);
  await sign(client, signRequest(lab.key));
  const memory = residentMemory(pid);
  await client.close();
  child.kill();
  return memory;
}

/** As `muxguard fleet join` would write it, for a machine that no other guard is. */
function optionsOf(fleet: SimulatedFleet, config: string): GuardOptions {
  const machine = fleet.nextLocal();
  const own = join(fleet.folder, `machine-${machine}`);
  const settings = {
    ...{ servers: fleet.url, machine, credentials: join(own, "machine.nk"), ca: join(own, "ca.pem") },
    ...{ signers: join(own, "allowed_signers"), machine_key: join(own, "machine_key") },
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${JSON.stringify(value)}`);
  return { config: [config, "[fleet]", ...lines].join("\n"), stderr: "ignore" };
}
