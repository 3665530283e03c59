/** The stream of logs, as whoever has the bus reads and changes it. */
import type { NatsConnection } from "@nats-io/transport-node";
import { LogStream, type Message } from "../../../src/fleet/log/stream.ts";

/** All that is there, each entry in one piece. */
export async function messagesOf(bus: NatsConnection): Promise<Message[]> {
  const all: Message[] = [];
  let pieces: Buffer[] = [];
  for await (const { piece, data, ...message } of (await LogStream.open(bus)).messages(undefined)) {
    pieces.push(data);
    if (piece && piece.number < piece.of) continue;
    all.push({ ...message, data: Buffer.concat(pieces) });
    pieces = [];
  }
  return all;
}

/** Puts these in place of all that is there. */
export async function replaceAll(bus: NatsConnection, messages: readonly Message[]): Promise<void> {
  await bus.request("$JS.API.STREAM.DELETE.muxguard-log");
  const stream = await LogStream.open(bus);
  const last = new Map<string, number>();
  for (const [number, { machine, data, isSeal }] of messages.entries()) {
    const after = last.get(machine) ?? 0;
    const at = isSeal
      ? await stream.addSeal(machine, data.toString(), `${number}`, after)
      : await stream.add(machine, data, `${number}`, after);
    last.set(machine, at);
  }
}
