/**
 * A machine's log on its way to the stream of all. Nothing waits for it, and nothing is lost while the bus is away:
 * the log is read on from where the stream has it, message by message, each once the one before is there.
 */
import { setImmediate as others, setTimeout as sleep } from "node:timers/promises";
import type { NatsConnection } from "@nats-io/transport-node";
import { attempt } from "../../attempt.ts";
import { messageOf } from "../../errors.ts";
import { visible } from "../../policy/visible.ts";
import type { FleetConfig } from "../../settings/fleet/config.ts";
import { explained } from "../bus/jetstream.ts";
import { openBucket } from "../policy/bucket.ts";
import { type Line, LogFiles } from "./files.ts";
import { fleetOf, hashOf, keepPlace, type Place, readPlace } from "./place.ts";
import { makeSeal, parseSeal } from "./seal.ts";
import { isOvertaken, LogStream, type Message, MOST_LINES } from "./stream.ts";

/** How often the log is looked at, in milliseconds. Runs with a guard of their own write to it, too. */
const INTERVAL = 500;
/** How often the last entry is sealed, where one came, in milliseconds. */
const SEAL_EVERY = 60_000;
/** After what time the place is written down, in milliseconds: until then the stream alone says what it has. */
const KEEP_AFTER = 10_000;
/** How long is waited before it is tried again, in milliseconds: at first, and at most. */
const [FIRST_WAIT, LONGEST_WAIT] = [500, 30_000];
/** How far the server's clock may be from this one before it is told of, in milliseconds. */
const CLOCKS_DIFFER = 60_000;
/** How long the end of the guard waits in all, in milliseconds, and how much of that is for what is not sent yet. */
const [LAST, LAST_LINES] = [1000, 500];
/** How long it is told that somebody else writes as this machine, in milliseconds: ten minutes. */
const TOLD_FOR = 600_000;
/** After this time without an entry the last one is there, in milliseconds. */
const QUIET = 100;
/** How long the lines of one message may be in all, in bytes; one may be longer by itself. */
const TOGETHER = 64 * 1024;
/** Lines that are looked at before others get their turn. */
const AT_ONCE = 500;

export interface OutboxParts {
  config: Pick<FleetConfig, "machine" | "machineKey">;
  /** The paths of the log, and of what is kept of it here. */
  log: string;
  place: string;
  environment: NodeJS.ProcessEnv;
  sealEvery?: number;
}

export class Outbox {
  readonly #parts: OutboxParts;
  readonly #files: LogFiles;
  #place: Place | undefined;
  #kept: Place | undefined;
  /** As in Place. */
  #of: string | undefined;
  /** When the stream had more than is written down. */
  #unkeptSince: number | undefined;
  /** The number of this machine's last message in the stream. */
  #after = 0;
  /** The hash of the line that was sealed last, when, and why none was. */
  #sealed: { hash: string; at: number; fault?: string } = { hash: "", at: Number.NEGATIVE_INFINITY };
  /** How this machine's clock was from the server's at the last seal, where that is to be told. */
  #clock: string | undefined;
  /** When the stream was seen to have what is not in this machine's log. */
  #otherAt = Number.NEGATIVE_INFINITY;
  #connection: NatsConnection | undefined;
  #following: Promise<void> = Promise.resolve();
  /** Once the guard ends: what is there is sent and sealed, and then nothing more. */
  readonly #ending = new AbortController();
  #endsAt = Number.POSITIVE_INFINITY;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
    this.#files = new LogFiles(parts.log);
  }

  /** What is logged from now on goes to the stream, also if the bus is not there yet. @throws Error if it can't */
  begin(): void {
    if (this.#place) return;
    this.#of = fleetOf(this.#parts.config.machineKey);
    const found = readPlace(this.#parts.place);
    // one of another fleet may be written after this one was joined: by a guard that ends
    const kept = found?.of === undefined || found.of === this.#of ? found : undefined;
    this.#place = kept ?? this.#files.end();
    this.#kept = kept && this.#place;
    if (!kept) this.#keep();
  }

  /**
   * For as long as the connection is there. Never rejects.
   * @param failed told why nothing goes on; it is tried again
   */
  follow(connection: NatsConnection, failed: (reason: string | undefined) => void): Promise<void> {
    this.#connection = connection;
    this.#following = this.#follow(connection, failed);
    return this.#following;
  }

  async #follow(connection: NatsConnection, failed: (reason: string | undefined) => void): Promise<void> {
    const { signal } = this.#ending;
    const isOver = (): boolean => this.#connection !== connection || connection.isClosed();
    let wait = FIRST_WAIT;
    while (!isOver()) {
      try {
        this.begin();
        // one that somebody made may take what is logged to where a machine can read it
        await openBucket(connection).catch((error: unknown) => {
          throw new Error(`it waits for the policy's bucket: ${explained(error)}`);
        });
        const stream = await LogStream.open(connection);
        await this.#meet(stream);
        let isFirst = true;
        while (!isOver()) {
          await this.#drain(stream, isOver);
          // what has waited for the bus waits for no minute more
          if (isFirst) await this.#seal(stream, 0);
          isFirst = false;
          failed(this.#sealed.fault ?? this.#otherFault() ?? this.#clock);
          if (signal.aborted) return await this.#last(stream, isOver);
          wait = FIRST_WAIT;
          await sleep(INTERVAL, undefined, { ref: false, signal }).catch(() => {}); // the guard ends
        }
      } catch (error) {
        if (isOver() || signal.aborted) return;
        // what the stream has instead, the next look tells
        if (!isOvertaken(error)) failed(`the fleet's log: ${explained(error)}`);
      }
      await sleep(wait, undefined, { ref: false, signal }).catch(() => {}); // once more
      wait = Math.min(wait * 2, LONGEST_WAIT);
    }
  }

  /**
   * Sends what is there and seals it, if that does not take long: what was not sent comes with the next start. For
   * when nothing is logged any more. Never rejects.
   */
  async finish(): Promise<void> {
    this.#endsAt = performance.now() + LAST_LINES;
    this.#ending.abort();
    const late = new AbortController();
    await Promise.race([
      this.#following,
      sleep(LAST, undefined, { signal: late.signal }).catch(() => {}), // it was done before
    ]);
    late.abort();
    this.close();
  }

  close(): void {
    this.#connection = undefined;
    attempt(() => this.#keep()); // the stream says as much
    this.#files.close();
  }

  /** What the stream has last: an answer of the server may have been lost, or the server something. */
  async #meet(stream: LogStream): Promise<void> {
    const last = await stream.last(this.#parts.config.machine);
    this.#after = last?.at ?? 0;
    const hash = last && hashIn(last);
    if (last?.isSeal && hash !== undefined) this.#sealed = { ...this.#sealed, hash };
    if (hash === undefined || hash === this.#place?.hash) return;
    const found = (await this.#find(hash, this.#place)) ?? (await this.#find(hash, this.#files.start()));
    if (found) this.#place = found;
    // what is none of ours stays there, and whoever verifies it says so
    else this.#otherAt = performance.now();
  }

  /** Two guards that both write come in turn, and each is at times the last one. */
  #otherFault(): string | undefined {
    if (performance.now() - this.#otherAt > TOLD_FOR) return undefined;
    const { machine } = this.#parts.config;
    const who = `another guard writes to it as ${machine}, or this machine's log was begun anew`;
    return `the fleet's log: ${who}; each machine needs a name of its own`;
  }

  async #find(hash: string, from: Place | undefined): Promise<Place | undefined> {
    let looked = 0;
    if (!from) return undefined;
    for (const { place } of this.#files.behind(from)) {
      if (place.hash === hash) return place;
      if (++looked % AT_ONCE === 0) await others();
    }
    return undefined;
  }

  /** What is there, as many lines in a message as have come meanwhile. */
  async #drain(stream: LogStream, isOver: () => boolean): Promise<void> {
    if (!this.#place) return;
    let lines: Line[] = [];
    let size = 0;
    for (const { bytes, place } of this.#files.behind(this.#place)) {
      if (isOver()) return;
      if (performance.now() > this.#endsAt) break;
      if (lines.length === MOST_LINES || size + bytes.length > TOGETHER) {
        await this.#add(stream, lines);
        [lines, size] = [[], 0];
      }
      lines.push({ bytes: Buffer.from(bytes), place });
      size += bytes.length;
    }
    await this.#add(stream, lines);
  }

  /** Until no entry has come for a moment: who was cut off by the guard's end is denied a little later. */
  async #last(stream: LogStream, isOver: () => boolean): Promise<void> {
    let before: Place | undefined;
    do {
      before = this.#place;
      await sleep(QUIET);
      await this.#drain(stream, isOver);
    } while (this.#place !== before && performance.now() < this.#endsAt);
    if (!isOver()) await this.#seal(stream, 0);
  }

  /** None are fine: what is there may be due for its seal. */
  async #add(stream: LogStream, lines: readonly Line[]): Promise<void> {
    const last = lines.at(-1);
    if (last) await this.#send(stream, lines, last);
    await this.#seal(stream);
    if (this.#place === this.#kept) return;
    const now = performance.now();
    this.#unkeptSince ??= now;
    if (now - this.#unkeptSince >= KEEP_AFTER) this.#keep();
  }

  async #send(stream: LogStream, lines: readonly Line[], { bytes, place }: Line): Promise<void> {
    const { machine } = this.#parts.config;
    const id = `${machine}:${idOf(bytes)}:${place.hash}`;
    this.#after =
      lines.length === 1
        ? await stream.add(machine, bytes, id, this.#after)
        : await stream.addLines(
            machine,
            lines.map((line) => line.bytes),
            `${id}:${lines.length}`,
            this.#after,
          );
    this.#place = place;
  }

  async #seal(stream: LogStream, after = this.#parts.sealEvery ?? SEAL_EVERY): Promise<void> {
    const { config, environment } = this.#parts;
    const { machine, machineKey } = config;
    const { hash = "", seq = 0 } = this.#place ?? {};
    const now = performance.now();
    if (machineKey === undefined || hash === "" || hash === this.#sealed.hash) return;
    if (now - this.#sealed.at < after) return;
    const time = new Date().toISOString();
    const what = { v: 1, machine, seq, hash, time } as const;
    const made = await makeSeal(what, machineKey, environment.PATH).catch(messageOf);
    if (typeof made === "string") {
      // entries go on without it
      const fault = `the fleet's log has no seals: ${visible(made, 200)}`;
      this.#sealed = { ...this.#sealed, at: now, fault };
      return;
    }
    const id = `${machine}:seal:${hash}`;
    const before = Date.now();
    this.#after = await stream.addSeal(machine, JSON.stringify(made), id, this.#after);
    this.#sealed = { hash, at: now };
    await this.#compareClocks(stream, before, Date.now());
  }

  /** Nothing rests on it: the server may say any time. @param before it had the last message, and after */
  async #compareClocks(stream: LogStream, before: number, after: number): Promise<void> {
    const last = await stream.last(this.#parts.config.machine);
    const { at, time = Number.NaN } = last ?? {};
    if (at !== this.#after || !Number.isFinite(time)) return;
    const off = time < before ? time - before : Math.max(0, time - after);
    const minutes = Math.round(Math.abs(off) / 60_000);
    this.#clock =
      Math.abs(off) < CLOCKS_DIFFER
        ? undefined
        : `this machine's clock is ${minutes} min ${off < 0 ? "ahead of" : "behind"} the server's: ` +
          "what runs out does so by the one here";
  }

  #keep(): void {
    if (this.#place && this.#place !== this.#kept)
      keepPlace(this.#parts.place, { ...this.#place, of: this.#of });
    [this.#kept, this.#unkeptSince] = [this.#place, undefined];
  }
}

/** Of the last line that a message has, or is the seal of. Undefined for a piece of one: the whole comes again. */
function hashIn({ data, isSeal, piece }: Message): string | undefined {
  if (isSeal) return parseSeal(data)?.said.hash;
  return piece ? undefined : hashOf(data.subarray(data.lastIndexOf("\n") + 1));
}

/** The id of an entry, as the log has it. */
function idOf(line: Buffer): string {
  const entry = attempt((): unknown => JSON.parse(line.toString()));
  const { id } = (typeof entry === "object" && entry !== null ? entry : {}) as { id?: unknown };
  return typeof id === "string" && /^\w{1,40}$/.test(id) ? id : "line";
}
