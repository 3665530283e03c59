/**
 * The journal, by its own protocol: one datagram for each entry. https://systemd.io/JOURNAL_NATIVE_PROTOCOL/
 *
 * An entry that is too long for a datagram would have to be handed over as a file. It has no text then: the file
 * of the log has it whole.
 */
import { hasCode } from "../../errors.ts";
import { sendDatagram } from "../../platform/libc/datagrams.ts";
import type { Entry, Place } from "./place.ts";

export const JOURNAL_SOCKET = "/run/systemd/journal/socket";
/** syslog(3) */
const [WARNING, INFO] = ["4", "6"];

export class Journal implements Place {
  readonly name: string;
  readonly most = 1;
  readonly #path: string;

  constructor(name: string, path = JOURNAL_SOCKET) {
    this.name = name;
    this.#path = path;
  }

  async send(entries: readonly Entry[]): Promise<void> {
    for (const entry of entries)
      try {
        sendDatagram(this.#path, datagramOf(entry, entry.json));
      } catch (error) {
        if (!hasCode(error, "EMSGSIZE")) throw error;
        sendDatagram(this.#path, datagramOf(entry, ""));
      }
  }
}

function datagramOf({ id, decision, kind }: Entry, json: string): Buffer {
  return Buffer.concat([
    field(
      "MESSAGE",
      json === "" ? `muxguard: ${decision} ${kind} ${id}: see its log, the entry is too long` : json,
    ),
    field("PRIORITY", decision === "deny" ? WARNING : INFO),
    field("SYSLOG_IDENTIFIER", "muxguard"),
    field("MUXGUARD_ID", id),
    field("MUXGUARD_DECISION", decision),
    field("MUXGUARD_KIND", kind),
  ]);
}

/** With its length, so that a value may have any bytes. */
function field(name: string, value: string): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(value)));
  return Buffer.concat([Buffer.from(`${name}\n`), length, Buffer.from(`${value}\n`)]);
}
