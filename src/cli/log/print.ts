/**
 * Entries on stdout: many of them in little memory. What is the same in many is put into words once, and no
 * more is written than whoever reads takes.
 */
import { once } from "node:events";
import { red } from "../../approver/screen/style.ts";
import { own, timeOf } from "../../audit/lines.ts";
import { jsonOnScreen, onScreen } from "../../policy/visible.ts";
import { describeDecided, localTime } from "./describe-event.ts";
import { eventOf, isLinked, keyOf, rawAfter, textOf } from "./fields.ts";

/** What is written at once, in characters. */
const AT_ONCE = 64 * 1024;
/** Entries that differ, whose words are kept. */
const MOST_KEPT = 4000;

const ID = keyOf("id");
const PID = ',"caller":{"pid":';
const WAITED = ',"waitedMs":';
/** Where the minute ends in ISO 8601. */
const MINUTE = "2026-11-22T10:00".length;

export class Printer {
  readonly #json: boolean;
  readonly #coloured: boolean;
  #text = "";
  readonly #words = new Map<string, string>();
  #minute = { utc: "", local: "" };

  constructor({ json = false }: { json?: boolean | undefined }) {
    this.#json = json;
    this.#coloured = isColoured(process.env, process.stdout.isTTY);
  }

  /** Passes over what is no entry. @returns whether to wait for write() before the next one */
  add(line: string): boolean {
    const text = this.#json ? jsonOf(line) : this.#wordsOf(line);
    if (text !== undefined) this.#text += `${text}\n`;
    return this.#text.length >= AT_ONCE;
  }

  async write(): Promise<void> {
    const text = this.#text;
    this.#text = "";
    if (text !== "" && !process.stdout.write(text)) await once(process.stdout, "drain");
  }

  #wordsOf(line: string): string | undefined {
    const time = timeOf(line);
    const same = time === undefined ? undefined : sameOf(line);
    const kept = same === undefined ? undefined : this.#words.get(same);
    const words = kept ?? this.#describe(line, same);
    if (words === undefined) return undefined;
    const id = onScreen(textOf(rawAfter(line, ID) ?? ""));
    return `${this.#localTime(time ?? eventOf(line)?.time ?? "")} ${id} ${words}`;
  }

  #describe(line: string, same: string | undefined): string | undefined {
    const event = eventOf(line);
    if (!event?.decision) return undefined;
    const described = onScreen(describeDecided(event));
    const words = this.#coloured && event.decision === "deny" ? described.replace("deny", red) : described;
    if (this.#words.size >= MOST_KEPT) this.#words.clear();
    if (same !== undefined) this.#words.set(same, words);
    return words;
  }

  /** The clock is asked once for each minute. */
  #localTime(time: string): string {
    if (time.slice(0, MINUTE) !== this.#minute.utc)
      this.#minute = { utc: time.slice(0, MINUTE), local: localTime(time).slice(0, MINUTE) };
    return `${this.#minute.local}${time.slice(MINUTE, MINUTE + 3)}`;
  }
}

/** What NO_COLOR asks for, and what no terminal is, has none. no-color.org */
export function isColoured({ NO_COLOR, TERM }: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  return isTerminal && !NO_COLOR && TERM !== "dumb";
}

/** All of an entry but its time, id, pid, waiting time and link. Undefined for what may be no whole entry. */
function sameOf(line: string): string | undefined {
  const pidAt = line.indexOf(PID);
  const pidEnd = line.indexOf(",", pidAt + PID.length);
  const waitedAt = line.lastIndexOf(WAITED);
  if (pidAt < 0 || waitedAt < pidEnd || !isLinked(line)) return undefined;
  return line.slice(line.indexOf('"kind":'), pidAt) + line.slice(pidEnd, waitedAt);
}

function jsonOf(line: string): string | undefined {
  if (!isLinked(line) && eventOf(line) === undefined) return undefined;
  return /^[\x20-\x7e]*$/.test(line) ? line : jsonOnScreen(own(line));
}
