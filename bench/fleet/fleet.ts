/**
 * Many machines at one server: how soon a policy counts at all of them, how many entries of their logs and how many
 * answers come through in a second, what that takes, and the same after the server was killed and came back.
 *
 * A policy counts at a machine once that machine has verified it, by ssh-keygen, and has written so to its log. A
 * fleet has a processor for each ssh-keygen; here all machines share those of one. So when it reaches them is measured
 * as well.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { openBucket } from "../../src/fleet/policy/bucket.ts";
import type { Statement } from "../../src/fleet/policy/entry.ts";
import { sign, verify } from "../../src/fleet/signed/keygen.ts";
import type { Lab } from "../lab.ts";
import { percentile } from "../samples.ts";
import type { Row } from "../table.ts";
import { answerMany } from "./answers.ts";
import { benchGuards } from "./guards.ts";
import { compareLogs, entriesPerSecond, followStream, type Sample } from "./logs.ts";
import { now } from "./messages.ts";
import { counted, PERSON, SimulatedFleet } from "./simulated.ts";

const MACHINES = 1000;
/** Machines that ask at once. */
const QUESTIONS = 200;
/** Entries of each machine, in each of two batches. */
const ENTRIES = 100;
/** How long the server is away, in milliseconds. */
const AWAY = 2000;
/** Of policies, how often it is measured; and of ssh-keygen by itself. */
const [POLICIES, VERIFIED] = [3, 40];

const [MOST_SECONDS, LEAST_ENTRIES] = [2, 5000];

export async function benchFleet(
  lab: Lab,
  remark: (text: string) => void,
  conclude: (line: string) => void,
  count = MACHINES,
): Promise<Row[]> {
  const fleet = await SimulatedFleet.init(lab, count);
  try {
    await fleet.startServer();
    const guards = await benchGuards(fleet);
    const keygen = await keygenAlone(fleet);
    await fleet.startMachines("hear");
    const heard: number[] = [];
    for (let nth = 0; nth < POLICIES; nth++) heard.push(...(await pushed(fleet, nth)));
    await fleet.endMachines();
    await fleet.startMachines("work");
    const memory = await fleet.memory();
    await pushed(fleet, POLICIES); // the first entries, and with them the first seals
    await settled(fleet);
    // within the minute in which no machine seals: here all of them would do so on these processors
    const stream = await followStream(await fleet.connection());
    const written = fleet.written();
    fleet.tell({ write: ENTRIES, batch: "a" });
    await written;
    await fleet.sent();
    const before = await stream.stop();
    const counts = await pushed(fleet, POLICIES + 1);
    const answered = await answerMany(fleet, Math.min(QUESTIONS, count));
    const server = fleet.serverMemory;
    const back = await killedInTheMiddle(fleet);
    const found = await compareLogs(fleet, await fleet.connection());
    const rate = entriesPerSecond(found.last("a"), before, count * ENTRIES);
    const rateAfter = entriesPerSecond(found.last("b"), back.samples, count * ENTRIES);
    await settled(fleet);
    const late = await pushed(fleet, POLICIES + 2);
    const [reached, verified] = [percentile(heard, 0.99), percentile(counts, 0.99)];
    const machines = `${count.toLocaleString("en")} machines`;
    remark(
      `ssh-keygen takes ${keygen.toFixed(1)} ms to verify one signature, when nothing else runs: ` +
        `${((keygen * count) / 1000).toFixed(1)} s of one processor for ${machines}. ` +
        `What did not count: ${counted(fleet.refused)}. Why machines were without the bus: ${counted(fleet.faults)}.`,
    );
    conclude(`fleet: verified by each of them, on these processors, p99 ${verified.toFixed(0)} ms`);
    conclude(
      `fleet: policy to ${count} machines p99 ${reached.toFixed(0)} ms, ${rate.toFixed(0)} entries a second, ${found.lost} lost`,
    );
    return [
      policyRow(`a policy reaches ${machines}`, heard),
      policyRow("it counts there: each has had ssh-keygen verify it, on these processors", counts),
      policyRow("the same, after the server was killed and came back", late),
      ...guards,
      {
        measure: `${answered.questions} machines ask at once, one person signs each answer`,
        guard: `${answered.perSecond.toFixed(0)} answers a second`,
        result: `${answered.perSecond.toFixed(0)} a second`,
      },
      rateRow(`entries of the logs of ${machines}, once the server has them`, rate),
      {
        measure: `the same, where the server is killed in the middle and is away for ${AWAY / 1000} s`,
        guard: `${Math.round(rateAfter).toLocaleString("en")} a second`,
        result: `${Math.round(rateAfter).toLocaleString("en")} a second`,
      },
      {
        measure: `of ${found.written.toLocaleString("en")} entries, in the stream afterwards`,
        guard: `${found.lost} lost, ${found.twice} twice; muxguard log --fleet ends with ${found.code}`,
        result: `${found.lost} lost`,
        target: "0 lost, 0 twice",
        holds: found.lost === 0 && found.twice === 0 && found.code === 0,
      },
      {
        measure: `memory of the server, and of each machine's part (a process has a hundred)`,
        guard: `${server.toFixed(0)} MB, ${memory.toFixed(2)} MB`,
        result: `${server.toFixed(0)} MB`,
      },
    ];
  } finally {
    fleet.close();
  }
}

/** @returns how long it took until it counted, at each machine, in milliseconds */
async function pushed(fleet: SimulatedFleet, nth: number): Promise<number[]> {
  const connection = await fleet.connection();
  const bucket = await openBucket(connection);
  const expires = new Date(Date.now() + 24 * 60 * 60_000).toISOString();
  const toml = `default = "ask"\n${rules(nth)}`;
  const said: Statement = { v: 1, kind: "policy", sequence: Date.now(), expires, toml };
  const signed = JSON.stringify(said);
  const environment = { ...process.env, SSH_AUTH_SOCK: fleet.lab.agentSocket };
  const signature = await sign(signed, { key: fleet.lab.keyFile, namespace: "muxguard-policy", environment });
  const counts = fleet.each("policy");
  const began = now();
  await bucket.put("policy", JSON.stringify({ by: PERSON, signed, signature }));
  const found = await counts;
  await connection.close();
  await sleep(1000); // what they log of it is on its way
  return found.map((at) => at - began);
}

/** Resolves once nothing more comes into the stream: entries about policies, and seals. */
async function settled(fleet: SimulatedFleet): Promise<void> {
  const stream = await followStream(await fleet.connection());
  await stream.quiet();
  await stream.stop();
}

/** As a team's might be: fifty rules. */
function rules(nth: number): string {
  return Array.from(
    { length: 50 },
    (_, number) =>
      `[[rule]]\nname = "rule ${number} of ${nth}"\nhost = "h${number}.example"\naction = "ask"\n`,
  ).join("");
}

/** @returns what one takes, in milliseconds */
async function keygenAlone(fleet: SimulatedFleet): Promise<number> {
  const message = "x";
  const environment = { ...process.env, SSH_AUTH_SOCK: fleet.lab.agentSocket };
  const namespace = "muxguard-policy";
  const signature = await sign(message, { key: fleet.lab.keyFile, namespace, environment });
  const { folder } = fleet;
  const signers = `${folder}/machine-${fleet.names[0]}/allowed_signers`;
  const began = now();
  for (let nth = 0; nth < VERIFIED; nth++)
    await verify(
      { message, signature, namespace, principal: PERSON },
      { signers, at: new Date(), folder, environment },
    );
  return (now() - began) / VERIFIED;
}

/** Once the first entries are there. */
async function killedInTheMiddle(fleet: SimulatedFleet): Promise<{ samples: readonly Sample[] }> {
  const first = await followStream(await fleet.connection());
  const written = fleet.written();
  fleet.tell({ write: ENTRIES, batch: "b" });
  await first.next();
  await fleet.killServer();
  const { samples } = first;
  await first.stop();
  await sleep(AWAY);
  const connected = fleet.each("connected");
  await fleet.startServer();
  const again = await followStream(await fleet.connection());
  await written;
  await connected;
  await fleet.sent();
  return { samples: [...samples, ...(await again.stop())] };
}

function policyRow(measure: string, milliseconds: readonly number[]): Row {
  const p99 = percentile(milliseconds, 0.99) / 1000;
  return {
    measure,
    guard: `${(percentile(milliseconds, 0.5) / 1000).toFixed(2)} s (p99 ${p99.toFixed(2)})`,
    result: `p99 ${p99.toFixed(2)} s`,
    target: `< ${MOST_SECONDS} s`,
    holds: p99 < MOST_SECONDS,
  };
}

function rateRow(measure: string, rate: number): Row {
  const result = `${Math.round(rate).toLocaleString("en")} a second`;
  const target = `≥ ${LEAST_ENTRIES.toLocaleString("en")}`;
  return { measure, guard: result, result, target, holds: rate >= LEAST_ENTRIES };
}
