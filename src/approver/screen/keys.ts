/**
 * Keys, from the bytes that a terminal sends. No I/O and no clock.
 *
 * A terminal also sends what nobody has typed. Any process that may write to it can have it report a colour,
 * a mode, its title or where its cursor is, and can turn on reports of the mouse and of pastes (xterm's
 * ctlseqs). So this reads whole sequences, and only the few that are listed here are keys. What else stands
 * in a sequence is none: not the `y` that ends the report of a mode (`ESC [ ? 25 ; 1 $ y`), nor the letters
 * of a title.
 *
 * Ctrl-C is looked for first and always found, whatever sequence it stands in.
 */

export interface Key {
  /** What was typed, as one character; or "return", "up", … for what is no character. */
  name: string;
  ctrl?: boolean;
  /** Part of a paste, where the terminal was told to tell that apart. */
  pasted?: boolean;
}

/** The one key that nothing may swallow. */
export const CTRL_C: Key = { name: "c", ctrl: true };

/** The character that was typed, if it is one. */
export function typed({ name, ctrl }: Key): string | undefined {
  return !ctrl && [...name].length === 1 ? name : undefined;
}

const INTERRUPT = 0x03;
const BELL = 0x07;
const ESCAPE = 0x1b;

/**
 * By what follows ESC. The last three are how terminals send Esc and Ctrl-C once a program has told them to
 * (the keyboard protocol of kitty, modifyOtherKeys of xterm).
 */
const sequences: ReadonlyMap<string, Key> = new Map([
  ...["[", "O"].flatMap((begin): [string, Key][] => [
    [`${begin}A`, { name: "up" }],
    [`${begin}B`, { name: "down" }],
    [`${begin}C`, { name: "right" }],
    [`${begin}D`, { name: "left" }],
  ]),
  ["[5~", { name: "pageup" }],
  ["[6~", { name: "pagedown" }],
  ["[27u", { name: "escape" }],
  ["[99;5u", CTRL_C],
  ["[27;5;99~", CTRL_C],
]);

const PASTE_BEGINS = "[200~";
const PASTE_ENDS = "[201~";

/** Characters of C0 and DEL that are keys. The rest are Ctrl and a letter. */
const controls: ReadonlyMap<number, string> = new Map([
  [0x08, "backspace"],
  [0x09, "tab"],
  [0x0a, "enter"],
  [0x0d, "return"],
  [0x7f, "backspace"],
]);

/** What a C1 control stands for: ESC and this (ECMA-48). */
const shortForms: ReadonlyMap<number, string> = new Map(
  [..."OPX[]^_"].map((sign) => [sign.charCodeAt(0) + 0x40, sign]),
);

/** Sequences whose text goes on to ST: reports of colours, titles, settings. */
const STRINGS = "PX]^_";
const STRING_TERMINATOR = 0x9c;

/** No sequence that is known is longer, in characters. */
const MAX_SEQUENCE = 64;

/** Old reports of the mouse are followed by so many bare characters: its button, and columns and rows. */
const mouseReports: ReadonlyMap<string, number> = new Map([
  ["[M", 3],
  ["[t", 2],
  ["[T", 6],
]);

/** How long the rest of what has begun may take, in milliseconds. Esc alone is a key. */
const REST_OF_ESCAPE = 100;
const REST_OF_STRING = 1000;

type State = "ground" | "escape" | "sequence" | "mouse" | "string" | "string's escape";

export class KeyParser {
  readonly #characters = new Characters();
  #state: State = "ground";
  /** Of a sequence, after ESC. */
  #body = "";
  #mouse = 0;
  #isPasting = false;

  /** The keys that are complete with these bytes. Ctrl-C among them takes the place of all. */
  feed(bytes: Uint8Array): Key[] {
    if (bytes.includes(INTERRUPT)) {
      this.#reset();
      return [CTRL_C];
    }
    const keys: Key[] = [];
    for (const byte of bytes)
      for (const code of this.#characters.feed(byte)) {
        const key = this.#take(code);
        if (key) keys.push(this.#marked(key));
      }
    return keys;
  }

  /** After how long a silence to call silence(), in milliseconds; undefined where nothing has begun. */
  get patience(): number | undefined {
    if (this.#state === "escape") return REST_OF_ESCAPE;
    return this.#state === "string" || this.#state === "string's escape" ? REST_OF_STRING : undefined;
  }

  /** Nothing has followed: what has begun ends here. */
  silence(): Key | undefined {
    const wasEscape = this.#state === "escape";
    this.#state = "ground";
    return wasEscape ? this.#marked({ name: "escape" }) : undefined;
  }

  #marked(key: Key): Key {
    return this.#isPasting ? { ...key, pasted: true } : key;
  }

  #reset(): void {
    this.#state = "ground";
    this.#isPasting = false;
  }

  #take(code: number): Key | undefined {
    switch (this.#state) {
      case "ground":
        return this.#begin(code);
      case "escape":
        return this.#afterEscape(code);
      case "sequence":
        return this.#goOn(code);
      case "mouse":
        if (--this.#mouse === 0) this.#state = "ground";
        return undefined;
      case "string":
        if (code === BELL || code === STRING_TERMINATOR) this.#state = "ground";
        else if (code === ESCAPE) this.#state = "string's escape";
        return undefined;
      case "string's escape":
        if (code !== ESCAPE) this.#state = code === 0x5c ? "ground" : "string";
        return undefined;
    }
  }

  #begin(code: number): Key | undefined {
    const short = shortForms.get(code);
    if (short !== undefined) return this.#open(short);
    if (code === ESCAPE) {
      this.#state = "escape";
      return undefined;
    }
    const name = controls.get(code);
    if (name !== undefined) return { name };
    if (code >= 0x01 && code <= 0x1a) return { name: String.fromCharCode(code + 0x60), ctrl: true };
    return code < 0x20 || (code >= 0x80 && code < 0xa0) ? undefined : { name: String.fromCodePoint(code) };
  }

  #afterEscape(code: number): Key | undefined {
    if (code === ESCAPE) return { name: "escape" }; // and the second one may begin something
    this.#state = "ground";
    const sign = String.fromCodePoint(code);
    // else it is Alt and a key, which means nothing here
    return sign === "[" || sign === "O" || STRINGS.includes(sign) ? this.#open(sign) : undefined;
  }

  #open(sign: string): undefined {
    this.#state = STRINGS.includes(sign) ? "string" : "sequence";
    this.#body = sign;
  }

  #goOn(code: number): Key | undefined {
    if (code === ESCAPE) {
      this.#state = "escape";
      return undefined;
    }
    this.#body += String.fromCodePoint(code);
    const reported = mouseReports.get(this.#body);
    if (reported !== undefined) {
      this.#state = "mouse";
      this.#mouse = reported;
      return undefined;
    }
    if (this.#body === "[[") return undefined; // function keys of the Linux console have one more character
    const goesOn = code >= 0x20 && code < 0x40 && this.#body.length < MAX_SEQUENCE;
    if (goesOn) return undefined;
    this.#state = "ground";
    if (this.#body === PASTE_BEGINS) this.#isPasting = true;
    if (this.#body === PASTE_ENDS) this.#isPasting = false;
    return sequences.get(this.#body);
  }
}

const REPLACEMENT = 0xfffd;
/** The least that takes one, two and three bytes after the first. What takes fewer is no UTF-8. */
const LEAST = [0, 0x80, 0x800, 0x10000];

/**
 * Code points, from UTF-8. A byte of C1 that stands alone is what it says: terminals can be told to send such
 * (S8C1T). Other bytes that are not UTF-8 are U+FFFD.
 */
class Characters {
  #code = 0;
  #length = 0;
  #missing = 0;

  feed(byte: number): number[] {
    if (this.#missing === 0) return this.#begin(byte);
    if ((byte & 0xc0) !== 0x80) {
      this.#missing = 0;
      return [REPLACEMENT, ...this.#begin(byte)];
    }
    this.#code = (this.#code << 6) | (byte & 0x3f);
    this.#missing--;
    return this.#missing === 0 ? [this.#checked()] : [];
  }

  #begin(byte: number): number[] {
    if (byte < 0xa0) return [byte];
    if (byte < 0xc2 || byte > 0xf4) return [REPLACEMENT];
    this.#length = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    this.#missing = this.#length;
    this.#code = byte & (0x3f >> this.#length);
    return [];
  }

  #checked(): number {
    const isOverlong = this.#code < (LEAST[this.#length] ?? 0);
    const isSurrogate = this.#code >= 0xd800 && this.#code < 0xe000;
    return isOverlong || isSurrogate || this.#code > 0x10ffff ? REPLACEMENT : this.#code;
  }
}
