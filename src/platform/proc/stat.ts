/** The text of /proc/PID/stat: proc(5). */

/** Of its start times; the same on every Linux that Node runs on. */
export const TICKS_PER_SECOND = 100;

export interface Stat {
  state: string;
  parent: number;
  posixSession: string;
  tty: number;
  /** Clock ticks since boot. */
  startTime: string;
  /** Addresses of its code and arguments: they change with each exec, unless someone takes pains. */
  layout: string;
  name: string;
}

/** The fields after the name, which is in parentheses and may hold any character. */
export function parseStat(text: string): Stat {
  const nameEnd = text.lastIndexOf(")");
  const fields = text.slice(nameEnd + 2).split(" ");
  const field = (number: number): string => fields[number - 3] ?? "0";
  return {
    name: Buffer.from(text.slice(text.indexOf("(") + 1, nameEnd), "latin1").toString("utf8"),
    state: field(3),
    parent: Number(field(4)),
    posixSession: field(6),
    tty: Number(field(7)),
    startTime: field(22),
    layout: `${field(26)} ${field(28)} ${field(48)} ${field(49)} ${field(50)}`,
  };
}

/** In milliseconds since the machine started, as bootTime() has them. Up to a tick too early. */
export function startedAt({ startTime }: Pick<Stat, "startTime">): number {
  return (Number(startTime) / TICKS_PER_SECOND) * 1000;
}

/** Undefined for a process that has ended and not been reaped yet. */
export function livingStat(text: Buffer): Stat | undefined {
  const stat = parseStat(text.toString("latin1"));
  return stat.state === "Z" || stat.state === "X" ? undefined : stat;
}

/**
 * Whether two texts of one process differ in nothing that is of interest but the time that it ran and the memory
 * that it took: it has the same name, parent, session and terminal, and the same addresses of its data and
 * arguments (fields 45 to 51). False also where that can't be said.
 */
export function saysTheSame(now: Buffer, before: Buffer): boolean {
  const nameEnd = before.lastIndexOf(NAME_END);
  // the name may be chosen so that it looks like what follows it
  if (nameEnd < 0 || now.lastIndexOf(NAME_END) !== nameEnd || isOver(now[nameEnd + STATE])) return false;
  const lineEnd = skipFields(before, nameEnd + STATE, 5); // state, parent, process group, session, terminal
  const addresses = skipFields(before, lineEnd, 37);
  const tail = before.length - addresses;
  return (
    isEqual(now, 0, before, 0, nameEnd) &&
    isEqual(now, nameEnd + STATE + 1, before, nameEnd + STATE + 1, lineEnd - nameEnd - STATE - 1) &&
    isEqual(now, now.length - tail, before, addresses, tail)
  );
}

const NAME_END = 0x29;
const SPACE = 0x20;
/** How far its state is behind the end of the name. */
const STATE = 2;

/** One that waits for its parent, or is not even there for that. */
function isOver(state: number | undefined): boolean {
  return state === undefined || state === 0x5a || state === 0x58; // Z, X
}

/** Where the field begins that comes so many later. */
function skipFields(text: Buffer, from: number, count: number): number {
  let at = from;
  for (let skipped = 0; skipped < count && at < text.length; at++) if (text[at] === SPACE) skipped++;
  return at;
}

function isEqual(one: Buffer, at: number, other: Buffer, otherAt: number, length: number): boolean {
  if (length <= 0 || at < 0 || at + length > one.length) return false;
  return one.compare(other, otherAt, otherAt + length, at, at + length) === 0;
}

/** Device numbers of terminals: Documentation/admin-guide/devices.txt of Linux. */
export function ttyName(device: number): string | undefined {
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  if (major >= 136 && major <= 143) return `/dev/pts/${(major - 136) * 256 + minor}`;
  if (major === 4) return minor < 64 ? `/dev/tty${minor}` : `/dev/ttyS${minor - 64}`;
  return undefined;
}
