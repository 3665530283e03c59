/**
 * Whether what the stream has of a machine's log is as that machine wrote it: each entry names the hash of the one
 * before it (src/audit/chain.ts), and a seal of the machine's own is over the last one of them.
 *
 * What is missing at the very end, with all seals behind it, the stream does not tell: the machine's own log does.
 */

import { attempt } from "../../attempt.ts";
import { CHAIN_START, linkOf } from "../../audit/chain.ts";
import { timeOf } from "../../audit/lines.ts";
import { type Fault, Verifier } from "../../audit/verify.ts";
import { messageOf } from "../../errors.ts";
import { hashOf } from "./place.ts";
import { NoLine, parseSeal } from "./seal.ts";
import type { Message } from "./stream.ts";

/** Lines that may come twice, where an answer of the server was lost. */
const MOST_TWICE = 1000;
/** Messages whose entries a fault can name, and seals that are kept until they are verified. */
const [MOST_NAMED, MOST_SEALS] = [64, 8];
/** Faults of seals that are told, for a machine. */
const MOST_FAULTS = 100;
/** A line in more pieces is none. */
const MOST_PIECES = 64;
/** How long an entry may be without a seal, in milliseconds: one comes each minute, and two clocks may be off. */
const UNSEALED = 12 * 60_000;

type Seal = NonNullable<ReturnType<typeof parseSeal>>;

/** A fault of one message. */
export interface Named {
  at: number;
  /** The id of the entry. */
  id?: string | undefined;
  what: string;
}

export interface VerifiedLog {
  entries: number;
  /** How many more the machine has from before the first one here. */
  before: number;
  faults: Named[];
  /** Why no seal of this machine's can count. */
  noLine?: string;
  /** The time of the last seal that counts. */
  sealed?: string;
  /** How many entries come behind it, and whether that is a fault. */
  unsealed: number;
  isOverdue: boolean;
}

export class LogVerifier {
  readonly #check: (seal: Seal) => Promise<void>;
  readonly #verifier = new Verifier();
  readonly #recent = new Set<string>();
  readonly #ids = new Map<number, string>();
  readonly #chain: { fault: Fault; id: string | undefined }[] = [];
  readonly #faults: Named[] = [];
  #pieces: Buffer[] = [];
  /** The line before. */
  #last = { hash: "", time: "" };
  #entries = 0;
  #noLine: string | undefined;
  /** Seals over what fits together, the last one counts first; by how many entries there were. */
  #seals: { seal: Seal; at: number; entries: number }[] = [];
  /** The same of before a fault of the chain. */
  readonly #earlier: { seal: Seal; at: number; entries: number }[][] = [];

  /** @param check rejects for a seal that is not this machine's */
  constructor(check: (seal: Seal) => Promise<void>) {
    this.#check = check;
  }

  /** @returns the line, where it is one that is new */
  add({ at, data, isSeal, piece }: Message): Buffer | undefined {
    if (isSeal) {
      this.#addSeal(at, data);
      return undefined;
    }
    const line = this.#whole(data, piece);
    if (!line) return undefined;
    const hash = hashOf(line);
    if (this.#recent.has(hash)) return undefined;
    this.#remember(hash);
    if (line.length === 0 || line.includes("\n")) {
      this.#fault(at, "is no line of a log");
      return undefined;
    }
    this.#addLine(at, line);
    this.#last = { hash, time: timeOf(line.toString("latin1")) ?? this.#last.time };
    return line;
  }

  /** @param now in milliseconds, by the clock of whoever looks */
  async result(now: number): Promise<VerifiedLog> {
    for (const seals of this.#earlier) await this.#lastGood(seals);
    const good = await this.#lastGood(this.#seals);
    const unsealed = this.#entries - (good?.entries ?? 0);
    const chain = this.#chain.map(({ fault, id }) => ({ at: fault.line, id, what: fault.what }));
    return {
      entries: this.#entries,
      before: this.#verifier.result().from.seq,
      faults: [...chain, ...this.#faults].sort((one, other) => one.at - other.at),
      ...(this.#noLine !== undefined && { noLine: this.#noLine }),
      ...(good && { sealed: good.seal.said.time }),
      unsealed,
      isOverdue: unsealed > 0 && !(Math.abs(now - Date.parse(this.#last.time)) < UNSEALED),
    };
  }

  #addLine(at: number, line: Buffer): void {
    this.#entries++;
    this.#ids.set(at, idOf(line) ?? "");
    for (const old of this.#ids.keys()) {
      if (this.#ids.size <= MOST_NAMED) break;
      this.#ids.delete(old);
    }
    const link = linkOf(line);
    const isStart = link?.seq === 1 && link.prev === CHAIN_START.hash;
    // the first two may have been written at once
    if (isStart && this.#verifier.result().end.seq > 1) {
      this.#fault(at, "the machine's log begins anew here");
      this.#verifier.nextFile();
      this.#split();
    }
    this.#verifier.add(line, at);
    const { faults } = this.#verifier.result();
    if (faults.length === this.#chain.length) return;
    for (const fault of faults.slice(this.#chain.length))
      this.#chain.push({ fault, id: this.#ids.get(fault.line) || undefined });
    this.#split();
  }

  /** What was sealed before tells nothing of what comes now. */
  #split(): void {
    if (this.#seals.length > 0 && this.#earlier.length < MOST_FAULTS) this.#earlier.push(this.#seals);
    this.#seals = [];
  }

  #addSeal(at: number, data: Buffer): void {
    const seal = parseSeal(data);
    if (!seal) this.#fault(at, "is no seal");
    else if (seal.said.hash !== this.#last.hash)
      this.#fault(at, `the seal of ${seal.said.time} is over another entry than the one before it here`);
    else this.#seals = [...this.#seals, { seal, at, entries: this.#entries }].slice(-MOST_SEALS);
  }

  /** All before it is covered by it. */
  async #lastGood(seals: readonly { seal: Seal; at: number; entries: number }[]) {
    for (const one of [...seals].reverse()) {
      try {
        await this.#check(one.seal);
        return one;
      } catch (error) {
        if (error instanceof NoLine) this.#noLine = error.message;
        else this.#fault(one.at, `the seal does not count: ${messageOf(error)}`);
      }
    }
    return undefined;
  }

  #whole(data: Buffer, piece: Message["piece"]): Buffer | undefined {
    if (!piece) return data;
    if (piece.number === 1) this.#pieces = [];
    this.#pieces = [...this.#pieces, data].slice(-MOST_PIECES);
    return piece.number === piece.of ? Buffer.concat(this.#pieces) : undefined;
  }

  #remember(hash: string): void {
    this.#recent.add(hash);
    const [oldest] = this.#recent;
    if (this.#recent.size > MOST_TWICE && oldest !== undefined) this.#recent.delete(oldest);
  }

  #fault(at: number, what: string): void {
    if (this.#faults.length < MOST_FAULTS) this.#faults.push({ at, what });
  }
}

function idOf(line: Buffer): string | undefined {
  const entry = attempt((): { id?: unknown } | null => JSON.parse(line.toString()));
  return typeof entry?.id === "string" ? entry.id : undefined;
}
