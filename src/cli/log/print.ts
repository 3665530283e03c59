/**
 * Entries on stdout: many of them in little memory. What is the same in many is put into words once, and no
 * more is written than whoever reads takes.
 */
import { red } from "../../approver/screen/style.ts";
import { own, timeOf } from "../../audit/lines.ts";
import { jsonOnScreen, onScreen } from "../../policy/visible.ts";
import { describeDecided, LocalClock } from "./describe-event.ts";
import { copyOf, eventOf, isLinked, keyOf, rawAfter, textOf } from "./fields.ts";

/** What is written at once, in characters. */
const AT_ONCE = 64 * 1024;
/** Entries that differ, whose words are kept. */
const MOST_KEPT = 4000;

const ID = keyOf("id");
const PID = ',"caller":{"pid":';
const KIND = '"kind":';
const WAITED = ',"waitedMs":';
export class Printer {
  readonly #json: boolean;
  readonly #coloured: boolean;
  /** In UTF-8, a character for each byte: what has arrows in it would take twice as long to write. */
  #text = "";
  readonly #words = new Map<string, Map<string, string>>();
  #kept = 0;
  readonly #clock = new LocalClock();

  constructor({ json = false }: { json?: boolean | undefined }) {
    this.#json = json;
    this.#coloured = isColoured(process.env, process.stdout.isTTY);
  }

  /**
   * Passes over what is no entry.
   * @param machine whose it is, where it is one of a fleet: a plain name
   * @returns whether to wait for write() before the next one
   */
  add(line: string, machine?: string): boolean {
    const text = this.#json ? jsonOf(line) : this.#wordsOf(line);
    if (text !== undefined) this.#text += `${machine === undefined ? text : this.#of(machine, text)}\n`;
    return this.#text.length >= AT_ONCE;
  }

  #of(machine: string, text: string): string {
    // at the end: of two fields of that name the last one counts
    return this.#json ? `${text.trimEnd().slice(0, -1)},"machine":"${machine}"}` : `${machine} ${text}`;
  }

  async write(): Promise<void> {
    const text = this.#text;
    this.#text = "";
    if (text === "" || process.stdout.write(text, "latin1")) return;
    // where nobody reads on, the process ends: main.ts
    await new Promise<void>((resolve) => process.stdout.once("drain", () => resolve()));
  }

  #wordsOf(line: string): string | undefined {
    const time = timeOf(line);
    const words = this.#known(line) ?? this.#describe(line);
    if (words === undefined) return undefined;
    const id = idOf(rawAfter(line, ID) ?? "");
    return `${this.#clock.timeOf(time ?? eventOf(line)?.time ?? "")} ${id} ${words}`;
  }

  /** By all of it but its time, id, pid, waiting time and link, in two parts: to join them would cost more. */
  #known(line: string): string | undefined {
    const pidAt = line.indexOf(PID);
    const pidEnd = line.indexOf(",", pidAt + PID.length);
    const waitedAt = line.lastIndexOf(WAITED);
    if (pidAt < 0 || waitedAt < pidEnd || !isLinked(line)) return undefined;
    const before = line.slice(line.indexOf(KIND), pidAt);
    const behind = line.slice(pidEnd, waitedAt);
    const words = this.#words.get(before)?.get(behind);
    if (words !== undefined) return words;
    const described = this.#describe(line);
    if (described !== undefined) this.#keep(before, behind, described);
    return described;
  }

  #keep(before: string, behind: string, words: string): void {
    if (++this.#kept > MOST_KEPT) {
      this.#words.clear();
      this.#kept = 0;
    }
    const known = this.#words.get(before) ?? new Map<string, string>();
    known.set(copyOf(behind), words);
    if (!this.#words.has(before)) this.#words.set(copyOf(before), known);
  }

  #describe(line: string): string | undefined {
    const event = eventOf(line);
    if (!event?.decision) return undefined;
    const described = bytesOf(onScreen(describeDecided(event)));
    return this.#coloured && event.decision === "deny" ? described.replace("deny", red) : described;
  }
}

/** What NO_COLOR asks for, and what no terminal is, has none. no-color.org */
export function isColoured({ NO_COLOR, TERM }: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  return isTerminal && !NO_COLOR && TERM !== "dumb";
}

function idOf(raw: string): string {
  return /^\w*$/.test(raw) ? raw : bytesOf(onScreen(textOf(raw)));
}

function bytesOf(text: string): string {
  return Buffer.from(text).toString("latin1");
}

function jsonOf(line: string): string | undefined {
  if (!isLinked(line) && eventOf(line) === undefined) return undefined;
  return /^[\x20-\x7e]*$/.test(line) ? line : bytesOf(jsonOnScreen(own(line)));
}
