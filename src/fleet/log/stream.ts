/**
 * The stream of all machines' logs, in JetStream: docs.nats.io, Streams. It is believed in nothing. Each message is a
 * line of a machine's log as it is in its file, several that follow one another, a piece of a long one, or a seal.
 */
import type { JetStreamClient, JetStreamManager, JsMsg } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { checkLog, limitsOf } from "../bus/stream-settings.ts";
import { ALL_LOGS, LOG_STREAM, logOf } from "../subjects.ts";

/** What a message says it is, beside its data: nothing that stands in a log can be taken for a seal. */
const KIND = "Muxguard-Kind";
/** The most lines of one message. */
export const MOST_LINES = 64;
/** Of a line that is too long for one: `2/3`. */
const PIECE = "Muxguard-Piece";
const NEWLINE = Buffer.from("\n");
/** The longest piece, in bytes: below `max_payload` of the server that fleet init writes. */
const MAX_PIECE = 128 * 1024;
/** How long the server may take to have it on its disk, in milliseconds. */
const PATIENCE = 5000;
/** How long it knows one that comes twice, in nanoseconds: two minutes. */
const WINDOW = 120_000_000_000;
/** Of the server's API: there is one already, and somebody has changed its settings. */
const IS_ANOTHER = 10058;

/** Of the server's API: the machine's last message is another one than was said. */
const IS_OVERTAKEN = 10071;

export interface Message {
  machine: string;
  /** Its number in the stream. The lines of one message have hundredths: 812.03 is the third one of 812. */
  at: number;
  data: Buffer;
  isSeal: boolean;
  /** When the server took it, by its own word, in milliseconds since 1970. */
  time?: number;
  /** Of a line in several pieces. */
  piece?: { number: number; of: number };
}

/** Whether a message was refused as somebody else has written since. */
export function isOvertaken(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === IS_OVERTAKEN;
}

export class LogStream {
  readonly #manager: JetStreamManager;
  readonly #client: JetStreamClient;
  /** What it does not keep as somebody has set it up so. */
  readonly limits: readonly string[];

  private constructor(manager: JetStreamManager, client: JetStreamClient, limits: readonly string[]) {
    this.#manager = manager;
    this.#client = client;
    this.limits = limits;
  }

  /** Makes it where it is not there yet. @throws Error without JetStream, or where it is set up to do harm */
  static async open(connection: NatsConnection): Promise<LogStream> {
    const { jetstream, jetstreamManager } = await import("../bus/library.ts");
    const manager = await jetstreamManager(connection, { timeout: PATIENCE });
    const { config } = await manager.streams
      .add({
        name: LOG_STREAM,
        subjects: [ALL_LOGS],
        retention: "limits",
        storage: "file",
        // what has no room stays with its machine, and comes later: nothing that is there gives way
        discard: "new",
        duplicate_window: WINDOW,
        allow_direct: true,
        deny_delete: true,
      })
      .catch((error: unknown) => {
        if ((error as { code?: unknown }).code !== IS_ANOTHER) throw error;
        return manager.streams.info(LOG_STREAM);
      });
    checkLog(config, ALL_LOGS);
    return new LogStream(manager, jetstream(connection, { timeout: PATIENCE }), limitsOf(config));
  }

  /** The last message of a machine, which may have several lines. */
  async last(machine: string): Promise<Message | undefined> {
    const found = await this.#manager.direct.getMessage(LOG_STREAM, { last_by_subj: logOf(machine) });
    return found ? { ...messageOf(found, found.header), time: found.time.getTime() } : undefined;
  }

  /**
   * Resolves once the server has it.
   * @param id the same for the same line: it is there once
   * @param after the number of the machine's message before it: where that is another one, it is refused
   * @returns its number
   */
  async add(machine: string, data: Buffer, id: string, after: number): Promise<number> {
    const pieces = piecesOf(data);
    let last = after;
    for (const [index, piece] of pieces.entries()) {
      const isOne = pieces.length === 1;
      const header = isOne ? undefined : ([PIECE, `${index + 1}/${pieces.length}`] as const);
      last = await this.#publish(machine, piece, isOne ? id : `${id}:${index + 1}`, last, header);
    }
    return last;
  }

  /** The same for lines that follow one another, in one message: of all or of none. */
  async addLines(machine: string, lines: readonly Buffer[], id: string, after: number): Promise<number> {
    const data = Buffer.concat(lines.flatMap((line, at) => (at === 0 ? [line] : [NEWLINE, line])));
    return await this.#publish(machine, data, id, after, [KIND, "lines"]);
  }

  async addSeal(machine: string, data: string, id: string, after: number): Promise<number> {
    return await this.#publish(machine, Buffer.from(data), id, after, [KIND, "seal"]);
  }

  /** All that is there now, of one machine or of all of them, in its order. @throws Error if it breaks off */
  async *messages(machine: string | undefined): AsyncGenerator<Message> {
    const last = await this.#end(machine);
    if (last === 0) return;
    const one = machine !== undefined && { filter_subjects: logOf(machine) };
    const consumer = await this.#client.consumers.get(LOG_STREAM, { ...one });
    let at = 0;
    const messages = await consumer.consume();
    try {
      for await (const message of messages) {
        at = message.seq;
        yield* linesOf(message);
        if (at >= last || message.info.pending === 0) return;
      }
    } finally {
      await messages.close();
    }
    throw new Error(`it broke off behind message ${at} of ${last}`);
  }

  async #end(machine: string | undefined): Promise<number> {
    if (machine !== undefined) return (await this.last(machine))?.at ?? 0;
    const { state } = await this.#manager.streams.info(LOG_STREAM);
    return state.messages === 0 ? 0 : state.last_seq;
  }

  async #publish(
    machine: string,
    data: Buffer,
    msgID: string,
    after: number,
    header: readonly [string, string] | undefined,
  ): Promise<number> {
    const { headers: makeHeaders } = await import("../bus/library.ts");
    const headers = makeHeaders();
    if (header) headers.set(...header);
    const expect = { lastSubjectSequence: after };
    const { seq } = await this.#client.publish(logOf(machine), data, {
      ...{ msgID, headers, expect, timeout: PATIENCE },
    });
    return Math.max(seq, after); // one that was there already
  }
}

function messageOf(
  { subject, seq: at, data }: Pick<JsMsg, "subject" | "seq" | "data">,
  headers: JsMsg["headers"],
): Message {
  const [, number, of] = /^(\d{1,4})\/(\d{1,4})$/.exec(headers?.get(PIECE) ?? "") ?? [];
  return {
    machine: subject.slice(logOf("").length),
    at,
    data: Buffer.from(data),
    isSeal: headers?.get(KIND) === "seal",
    ...(number !== undefined && { piece: { number: Number(number), of: Number(of) } }),
  };
}

/** What says that it is lines, and has too many, stays one: and that is no line of a log. */
function* linesOf(message: JsMsg): Generator<Message> {
  const whole = messageOf(message, message.headers);
  const lines = whole.data.toString("latin1").split("\n");
  if (message.headers?.get(KIND) !== "lines" || lines.length > MOST_LINES) yield whole;
  else
    for (const [index, line] of lines.entries())
      yield { ...whole, at: whole.at + (index + 1) / 100, data: Buffer.from(line, "latin1") };
}

function piecesOf(data: Buffer): Buffer[] {
  const pieces = [];
  for (let at = 0; at < data.length; at += MAX_PIECE) pieces.push(data.subarray(at, at + MAX_PIECE));
  return pieces;
}
