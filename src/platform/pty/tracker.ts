/**
 * What a program has switched on of its terminal, read from what it writes: ECMA-48, and the private modes of
 * xterm (ctlseqs). A question that takes the screen switches it off meanwhile, and on again afterwards.
 *
 * It also says where a sequence of escapes or a character is not at its end yet: nothing may come in between.
 * Limits: a sequence of more than MAX_SEQUENCE bytes is let through unread; so are the strings of OSC, DCS, APC
 * and the like, but for where they end.
 */

const ESC = 0x1b;
const BEL = 0x07;
const MAX_SEQUENCE = 4096;

/** The modes that are looked at, and how a terminal begins. */
const beginnings = new Map<number, boolean>([
  [1, false], // the cursor keys' application mode
  [6, false], // the origin is that of the scroll region
  [7, true], // lines wrap
  [25, true], // the cursor is seen
  ...[9, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 1016, 2004].map((mode) => [mode, false] as const),
]);
/** Those that choose the alternate screen. */
const alternates = new Set([47, 1047, 1049]);

export class ModeTracker {
  readonly #modes = new Map(beginnings);
  #alternate: number | undefined;
  #keypad = false;
  #region = "";
  #otherKeys = "";
  /** How often the flags of kitty's keyboard protocol were pushed. */
  #pushed = 0;

  /** Whether the program has the alternate screen, as those do that fill it. */
  get isAlternate(): boolean {
    return this.#alternate !== undefined;
  }

  /**
   * @param bytes what comes next; what was left over of the last call in front of it
   * @returns how many of them are whole: the rest waits for what comes after it
   */
  feed(bytes: Buffer): number {
    let at = 0;
    for (;;) {
      const begin = bytes.indexOf(ESC, at);
      if (begin < 0) return bytes.length - unfinished(bytes, at);
      const end = sequenceEnd(bytes, begin);
      if (end === undefined) return bytes.length - begin > MAX_SEQUENCE ? bytes.length : begin;
      if (end - begin <= 64) this.#sequence(bytes.toString("latin1", begin + 1, end));
      at = end;
    }
  }

  /** For the terminal: as if the program had switched on nothing, and the screen empty. */
  suspend(): string {
    const screen = this.isAlternate ? "\x1b7" : "\x1b[?1049h";
    const off = [...this.#modes].filter(([mode, on]) => on !== beginnings.get(mode));
    return [
      screen,
      ...off.map(([mode, on]) => `\x1b[?${mode}${on ? "l" : "h"}`),
      this.#keypad ? "\x1b>" : "",
      this.#otherKeys === "" ? "" : "\x1b[>4m",
      this.#pushed > 0 ? "\x1b[>0u" : "",
      "\x1b[r\x1b[m\x1b(B\x0f\x1b[H\x1b[2J",
    ].join("");
  }

  /** For the terminal: all is again as the program has it. */
  resume(): string {
    const changed = [...this.#modes].filter(([mode, on]) => on !== beginnings.get(mode));
    // the origin belongs to what goes with the cursor, and setting it moves that
    const later = changed.filter(([mode]) => mode !== 6);
    return [
      "\x1b[m\x1b[2J",
      this.#pushed > 0 ? "\x1b[<u" : "",
      this.#otherKeys === "" ? "" : `\x1b[>4;${this.#otherKeys}m`,
      this.#keypad ? "\x1b=" : "",
      this.#modes.get(25) ? "\x1b[?25h" : "",
      ...later.map(([mode, on]) => `\x1b[?${mode}${on ? "h" : "l"}`),
      this.#region === "" ? "" : `\x1b[${this.#region}r`,
      this.isAlternate ? "\x1b8" : "\x1b[?1049l",
    ].join("");
  }

  #sequence(text: string): void {
    if (text === "=" || text === ">") this.#keypad = text === "=";
    else if (text === "c") this.#reset();
    else if (text.startsWith("[")) this.#control(text.slice(1, -1), text.at(-1) ?? "");
  }

  #control(parameters: string, final: string): void {
    if (final === "h" || final === "l") this.#set(parameters, final === "h");
    else if (final === "r" && /^[\d;]*$/.test(parameters)) this.#region = parameters;
    else if (final === "p" && parameters === "!") this.#softReset();
    else if (final === "m" && /^>4/.test(parameters)) this.#otherKeys = parameters.split(";")[1] ?? "";
    else if (final === "u" && parameters.startsWith(">")) this.#pushed++;
    else if (final === "u" && parameters.startsWith("<"))
      this.#pushed = Math.max(0, this.#pushed - (Number(parameters.slice(1)) || 1));
  }

  #set(parameters: string, on: boolean): void {
    if (!parameters.startsWith("?")) return;
    for (const mode of parameters.slice(1).split(";").map(Number)) {
      if (this.#modes.has(mode)) this.#modes.set(mode, on);
      if (alternates.has(mode)) this.#alternate = on ? mode : undefined;
    }
  }

  /** DECSTR, which leaves the screen as it is. */
  #softReset(): void {
    for (const mode of [1, 6, 7, 25]) this.#modes.set(mode, beginnings.get(mode) ?? false);
    this.#keypad = false;
    this.#region = "";
  }

  /** RIS */
  #reset(): void {
    for (const [mode, on] of beginnings) this.#modes.set(mode, on);
    this.#softReset();
    this.#alternate = undefined;
    this.#otherKeys = "";
    this.#pushed = 0;
  }
}

/** Where the sequence ends that begins there, with the byte behind it; undefined if that is still to come. */
function sequenceEnd(bytes: Buffer, begin: number): number | undefined {
  const kind = bytes[begin + 1];
  if (kind === undefined) return undefined;
  if (kind === 0x5b) return finalByte(bytes, begin + 2, 0x40); // CSI
  if ([0x50, 0x58, 0x5d, 0x5e, 0x5f].includes(kind)) return stringEnd(bytes, begin + 2); // DCS SOS OSC PM APC
  if (kind >= 0x20 && kind <= 0x2f) return finalByte(bytes, begin + 2, 0x30);
  return kind === ESC ? begin + 1 : begin + 2;
}

/** A control character in the middle is obeyed and CAN, SUB and ESC break off: the sequence ends there for us. */
function finalByte(bytes: Buffer, from: number, lowest: number): number | undefined {
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === ESC) return at;
    if (byte < 0x20 || byte >= lowest) return at + 1;
  }
  return undefined;
}

/** Strings end with BEL or ST (ESC \); ESC with anything else breaks off. */
function stringEnd(bytes: Buffer, from: number): number | undefined {
  for (let at = from; at < bytes.length; at++) {
    if (bytes[at] === BEL || bytes[at] === 0x18 || bytes[at] === 0x1a) return at + 1;
    if (bytes[at] !== ESC) continue;
    if (at + 1 === bytes.length) return undefined;
    return bytes[at + 1] === 0x5c ? at + 2 : at;
  }
  return undefined;
}

/** How many bytes at the end are the beginning of a character of UTF-8. */
function unfinished(bytes: Buffer, from: number): number {
  for (let back = 1; back <= 3 && bytes.length - back >= from; back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > back ? back : 0;
  }
  return 0;
}
