/** What the stream of logs has, beside what the machines' own files have. */
import { setTimeout as sleep } from "node:timers/promises";
import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { hashOf } from "../../src/fleet/log/place.ts";
import { LogStream } from "../../src/fleet/log/stream.ts";
import { LOG_STREAM } from "../../src/fleet/subjects.ts";
import { now } from "./messages.ts";
import type { SimulatedFleet } from "./simulated.ts";

/** How often the server is asked, in milliseconds. */
const OFTEN = 50;

/** For how long nothing comes once all is there, in milliseconds. */
const QUIET = 3000;

/** The number of the last message at a time. */
export interface Sample {
  at: number;
  last: number;
}

export interface Followed {
  /** The number of the last message before. */
  start: number;
  samples: readonly Sample[];
  /** Resolves once there is a message more. */
  next(): Promise<void>;
  /** Resolves once nothing has come for a while. */
  quiet(): Promise<void>;
  stop(): Promise<readonly Sample[]>;
}

export async function followStream(connection: NatsConnection, from?: number): Promise<Followed> {
  const manager = await jetstreamManager(connection);
  const lastOf = async (): Promise<number> => (await manager.streams.info(LOG_STREAM)).state.last_seq;
  const start = from ?? (await lastOf());
  const samples: Sample[] = [{ at: now(), last: start }];
  let ended = false;
  const follow = async (): Promise<void> => {
    while (!ended) {
      const last = await lastOf();
      samples.push({ at: now(), last });
      await sleep(OFTEN);
    }
  };
  const following = follow().catch(() => {}); // the server was killed
  return {
    start,
    samples,
    async next() {
      while ((samples.at(-1)?.last ?? 0) <= start) await sleep(OFTEN);
    },
    async quiet() {
      while (now() - (samples.findLast(({ last }, at) => samples[at - 1]?.last !== last)?.at ?? 0) < QUIET)
        await sleep(OFTEN);
    },
    async stop() {
      await Promise.race([following, sleep(1000)]);
      ended = true;
      await following;
      await connection.close();
      return samples;
    },
  };
}

/** @param last the number of the last entry's message */
export function entriesPerSecond(last: number, samples: readonly Sample[], entries: number): number {
  const [first] = samples;
  const end = samples.find((one) => one.last >= last);
  return first && end ? (entries * 1000) / (end.at - first.at) : Number.NaN;
}

export interface Compared {
  written: number;
  lost: number;
  twice: number;
  /** With which code `muxguard log --fleet` ends. */
  code: number | null;
  /** The number of the last message of a batch. */
  last(batch: string): number;
}

export async function compareLogs(fleet: SimulatedFleet, connection: NatsConnection): Promise<Compared> {
  const there = new Map<string, number>();
  const last = new Map<string, number>();
  for await (const { machine, at, data, isSeal } of (await LogStream.open(connection)).messages(undefined)) {
    if (isSeal) continue;
    const key = `${machine} ${hashOf(data)}`;
    there.set(key, (there.get(key) ?? 0) + 1);
    const [, batch] = /"id":"([a-z])\d+"/.exec(data.toString("latin1")) ?? [];
    if (batch !== undefined) last.set(batch, Math.floor(at));
  }
  await connection.close();
  let [written, lost] = [0, 0];
  for (const machine of fleet.names)
    for (const line of fleet.linesOf(machine)) {
      written++;
      if (!there.has(`${machine} ${hashOf(Buffer.from(line))}`)) lost++;
    }
  const twice = [...there.values()].filter((times) => times > 1).length;
  return {
    written,
    lost,
    twice,
    code: await fleet.verified(),
    last: (batch) => last.get(batch) ?? Number.NaN,
  };
}
