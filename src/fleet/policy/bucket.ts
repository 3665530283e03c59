/** The bucket of a fleet's policy, in JetStream: docs.nats.io, Key/Value Store. It is believed in nothing. */
import { setTimeout as sleep } from "node:timers/promises";
import type { KV, KvWatchOptions } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import { explained } from "../bus/jetstream.ts";
import { checkBucket } from "../bus/stream-settings.ts";
import { ALL_ENTRIES } from "../subjects.ts";
import { BUCKET, MAX_ENTRY } from "./entry.ts";

/** How long is waited before the bucket is looked for again, in milliseconds. */
const AGAIN = 5000;
/** How long is waited for room, in milliseconds. */
const SOON = 250;
/** Of all entries, in bytes. */
const MAX_SIZE = 64 * 1024 * 1024;

/** Makes it where it is not there yet. @throws Error without JetStream, or where it is set up to do harm */
export async function openBucket(connection: NatsConnection): Promise<KV> {
  const { Kvm } = await import("../bus/library.ts");
  const options = { history: 1, max_bytes: MAX_SIZE, maxValueSize: MAX_ENTRY };
  const bucket = await new Kvm(connection).create(BUCKET, options);
  checkBucket((await bucket.status()).streamInfo.config, ALL_ENTRIES);
  return bucket;
}

/**
 * Hears all that is in it, and what comes, for as long as the connection is there. Never rejects.
 * @param heard returns whether there was room: else it is heard again, with all behind it
 * @param failed told why nothing is heard; it is tried again
 */
export async function followBucket(
  connection: NatsConnection,
  heard: (place: string, data: Uint8Array) => boolean,
  failed: (reason: string | undefined) => void,
): Promise<void> {
  while (!connection.isClosed()) {
    try {
      const bucket = await openBucket(connection);
      failed(undefined);
      let left = await hear(bucket, {}, heard);
      while (left !== undefined) {
        await sleep(SOON, undefined, { ref: false });
        left = await hear(bucket, { resumeFromRevision: left }, heard);
      }
    } catch (error) {
      if (connection.isClosed()) return;
      failed(`the policy's bucket: ${explained(error)}`);
    }
    await sleep(AGAIN, undefined, { ref: false });
  }
}

/** @returns the number of what there was no room for */
async function hear(
  bucket: KV,
  options: KvWatchOptions,
  heard: (place: string, data: Uint8Array) => boolean,
): Promise<number | undefined> {
  for await (const { operation, key, value, revision } of await bucket.watch(options))
    if (operation === "PUT" && !heard(key, value)) return revision;
  return undefined;
}
