/** The text of /proc/PID/stat: proc(5). */

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

/** Undefined for a process that has ended and not been reaped yet. */
export function livingStat(text: Buffer): Stat | undefined {
  const stat = parseStat(text.toString("latin1"));
  return stat.state === "Z" || stat.state === "X" ? undefined : stat;
}

/** Device numbers of terminals: Documentation/admin-guide/devices.txt of Linux. */
export function ttyName(device: number): string | undefined {
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  if (major >= 136 && major <= 143) return `/dev/pts/${(major - 136) * 256 + minor}`;
  if (major === 4) return minor < 64 ? `/dev/tty${minor}` : `/dev/ttyS${minor - 64}`;
  return undefined;
}
