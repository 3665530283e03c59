/**
 * Whether a log is as it was written: each entry names the hash of the one before it (chain.ts).
 *
 * What is named in a fault is a line. Behind it the chain is taken up again where that line says that it stood, so
 * that one change is one fault. What is missing at the very end, nothing in the file tells.
 */
import { CHAIN_START, type ChainEnd, follow, isBehindCutOff, isEntry, type Link, linkOf } from "./chain.ts";

/** So many others may come between a writer's look at the end of the log and its entry: it may be stopped there. */
const AT_ONCE = 16_384;
/** The most faults that are told one by one. */
const MOST_FAULTS = 1000;

export interface Fault {
  line: number;
  what: string;
}

export interface Verified {
  /** Entries of the chain. */
  entries: number;
  /** From before it. */
  without: number;
  /** Lines that were cut off, by a full disk or a power failure. */
  cutOff: number[];
  faults: Fault[];
  /** How many more there are. */
  untold: number;
  /** Where the chain stood before the first entry: of an earlier file. */
  from: ChainEnd;
  end: ChainEnd;
}

/** What is said of a line that does not fit: if the next one does not follow it, and if it does. */
interface Doubt {
  put: string;
  otherwise: string;
}

const withoutHash: Doubt = {
  put: "has no hash of the entry before it, and was put in later",
  otherwise: "has no hash of the entry before it: an older muxguard wrote it, or something else",
};

function outOfPlace(entries: number): Doubt {
  return {
    put: "is out of place: it was written further up, or comes twice",
    otherwise: `does not follow what is above it: ${counted(entries)} too many there, put in or doubled`,
  };
}

export class Verifier {
  #end = CHAIN_START;
  #from: ChainEnd | undefined;
  /** How it stood before, at its number modulo AT_ONCE. */
  #earlier: ChainEnd[] = [];
  /** Behind an entry that does not fit: the next one tells whether it is that which is out of place. */
  #other: { end: ChainEnd; faults: { fault: Fault; otherwise: string }[] } | undefined;
  #line = 0;
  /** The last line that is not empty, and the first since the last entry that named all before it. */
  #lastLine = 0;
  #uncovered = 0;
  #isFirst = true;
  #entries = 0;
  #without = 0;
  #untold = 0;
  readonly #cutOff: number[] = [];
  readonly #faults: Fault[] = [];

  /** A file begins that goes on where the last one ended. */
  nextFile(): void {
    this.#line = 0;
    this.#lastLine = 0;
    this.#uncovered = 0;
    this.#isFirst = true;
  }

  /** @param number of the line in its file */
  add(line: Buffer, number: number): void {
    this.#line = number;
    const link = linkOf(line);
    if (link && isBehindCutOff(line)) this.#cutOff.push(number);
    else if (link) this.#entries++;
    if (link) this.#addLinked(line, link);
    else this.#addWithout(line);
    this.#lastLine = number;
    this.#isFirst = false;
  }

  /** What is behind the last end of a line. */
  addRest(rest: Buffer, number: number): void {
    if (rest.length > 0) this.#cutOff.push(number);
  }

  result(): Verified {
    return {
      entries: this.#entries,
      without: this.#without,
      cutOff: this.#cutOff,
      faults: this.#faults,
      untold: this.#untold,
      from: this.#from ?? CHAIN_START,
      end: this.#end,
    };
  }

  #addWithout(line: Buffer): void {
    const next = follow(this.#end, line);
    if (!isEntry(line)) {
      this.#cutOff.push(this.#line);
      if (this.#other) this.#other.end = follow(this.#other.end, line);
      this.#goOn(next);
    } else if (this.#end.seq === 0) {
      this.#without++;
      this.#uncovered = this.#line;
      this.#goOn(next);
    } else this.#doubt(follow(this.#other?.end ?? this.#end, line), withoutHash);
  }

  #addLinked(line: Buffer, link: Link): void {
    const other = this.#other;
    this.#other = undefined;
    if (link.prev === this.#end.hash) this.#uncovered = this.#line;
    else if (other?.end.hash === link.prev) {
      for (const { fault, otherwise } of other.faults) fault.what = otherwise;
      this.#restart(other.end);
    } else if (this.#begins(link)) this.#restart({ hash: link.prev, seq: link.seq - 1 });
    else if (!this.#wasAtOnce(link)) {
      this.#mismatch(line, link);
      return;
    }
    this.#from ??= { hash: link.prev, seq: link.seq - 1 };
    this.#goOn(follow(this.#end, line, link));
  }

  /** Whether a chain may begin here: in a file that goes on from one that is not looked at, or a new one. */
  #begins({ prev, seq }: Link): boolean {
    if (!this.#isFirst) return false;
    return this.#from === undefined || (seq === 1 && prev === CHAIN_START.hash);
  }

  #wasAtOnce({ prev, seq }: Link): boolean {
    const before = this.#earlier[(seq - 1) % AT_ONCE];
    return before?.hash === prev && before.seq === seq - 1;
  }

  #mismatch(line: Buffer, link: Link): void {
    const claimed = { hash: link.prev, seq: link.seq - 1 };
    const missing = claimed.seq - this.#end.seq;
    const next = follow(claimed, line, link);
    this.#from ??= claimed;
    const among = this.#uncovered < this.#lastLine ? `, or one down to line ${this.#lastLine},` : "";
    if (missing < 0 && among === "") {
      this.#doubt(next, outOfPlace(-missing));
      return;
    }
    if (missing > 0) this.#fault(this.#line, `${counted(missing)} missing before it`);
    else if (this.#isFirst) this.#fault(this.#line, "does not go on from the file before it");
    else if (missing < 0) this.#fault(this.#uncovered, `this line${among} was put in, or comes twice`);
    else this.#fault(this.#uncovered, `this line${among} was altered, or stands in another's place`);
    this.#restart(claimed);
    this.#goOn(next);
  }

  /** The next entry tells whether this one was there when that was written. */
  #doubt(end: ChainEnd, { put, otherwise }: Doubt): void {
    const faults = [...(this.#other?.faults ?? []), { fault: this.#fault(this.#line, put), otherwise }];
    this.#other = { end, faults: faults.slice(-MOST_FAULTS) };
  }

  #restart(end: ChainEnd): void {
    this.#earlier = [];
    this.#end = end;
    this.#uncovered = this.#line;
  }

  #goOn(next: ChainEnd): void {
    this.#earlier[this.#end.seq % AT_ONCE] = this.#end;
    this.#end = next;
  }

  #fault(line: number, what: string): Fault {
    const fault = { line, what };
    if (this.#faults.length < MOST_FAULTS) this.#faults.push(fault);
    else this.#untold++;
    return fault;
  }
}

function counted(entries: number): string {
  return entries === 1 ? "1 entry is" : `${entries} entries are`;
}
