/** Pseudoterminals, and how a terminal is set: pty(7), termios(3), ioctl_tty(2). The numbers are Linux'. */
import { closeSync, constants, openSync } from "node:fs";
import { define, failedWith, systemError } from "./binding.ts";

const ioctlNumber = define("int ioctl(int fd, unsigned long request, long value)");
const ioctl = define("int ioctl(int fd, unsigned long request, uint8_t *value)");
const tcgetattr = define("int tcgetattr(int fd, uint8_t *modes)");
const tcsetattr = define("int tcsetattr(int fd, int when, const uint8_t *modes)");
const cfmakeraw = define("void cfmakeraw(uint8_t *modes)");
const readBytes = define("long read(int fd, uint8_t *bytes, unsigned long count)");
const writeBytes = define("long write(int fd, const uint8_t *bytes, unsigned long count)");

/** asm-generic/ioctls.h */
const TIOCGPGRP = 0x540f;
const TIOCGWINSZ = 0x5413;
const TIOCSWINSZ = 0x5414;
const TIOCGPTN = 0x80045430;
const TIOCSPTLCK = 0x40045431;
const TIOCGPTPEER = 0x5441;
const O_CLOEXEC = 0o2000000;
const TCSANOW = 0;
/** Of the local modes, which follow three other words in a struct termios. */
const ICANON = 0x2;
const LOCAL_MODES = 12;
/** More than a struct termios has on any architecture. */
const MODES_LENGTH = 128;

export interface PtyPair {
  /** Does not block. */
  master: number;
  slave: number;
  /** Of the slave: `/dev/pts/3`. */
  path: string;
}

/** A new one; nobody has it for a controlling terminal. The caller closes both. @throws Error where there is none */
export function openPty(): PtyPair {
  const { O_RDWR, O_NOCTTY, O_NONBLOCK } = constants;
  const master = openSync("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
  try {
    const number = Buffer.alloc(4);
    if (ioctl(master, TIOCSPTLCK, number) !== 0) throw systemError("ioctl(TIOCSPTLCK)");
    if (ioctl(master, TIOCGPTN, number) !== 0) throw systemError("ioctl(TIOCGPTN)");
    const slave = ioctlNumber(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0) throw systemError("ioctl(TIOCGPTPEER)");
    return { master, slave, path: `/dev/pts/${number.readUInt32LE()}` };
  } catch (error) {
    closeSync(master);
    throw error;
  }
}

/** Input, output, control and local modes, as bytes. @throws Error for what is no terminal */
export function modesOf(terminal: number): Buffer {
  const modes = Buffer.alloc(MODES_LENGTH);
  if (tcgetattr(terminal, modes) !== 0) throw systemError("tcgetattr");
  return modes;
}

/** Whether it worked: a terminal may be gone. */
export function setModes(terminal: number, modes: Buffer): boolean {
  return tcsetattr(terminal, TCSANOW, modes) === 0;
}

/** Whether keys come line by line: an editor of lines, as shells have, takes them one by one. */
export function isByLine(modes: Buffer): boolean {
  const word = new Uint32Array(modes.buffer, modes.byteOffset + LOCAL_MODES, 1)[0] ?? 0;
  return (word & ICANON) !== 0;
}

/** All bytes pass, as they are. */
export function rawModes(modes: Buffer): Buffer {
  const raw = Buffer.from(modes);
  cfmakeraw(raw);
  return raw;
}

/** struct winsize; undefined for a terminal that is gone. */
export function windowSize(terminal: number): Buffer | undefined {
  const size = Buffer.alloc(8);
  return ioctl(terminal, TIOCGWINSZ, size) === 0 ? size : undefined;
}

/** A new size is told to the programs in the foreground (SIGWINCH). */
export function setWindowSize(terminal: number, size: Buffer): void {
  ioctl(terminal, TIOCSWINSZ, size);
}

/** The process group in the foreground of a pty, asked of its master; undefined where there is none. */
export function foregroundOf(master: number): number | undefined {
  const group = Buffer.alloc(4);
  if (ioctl(master, TIOCGPGRP, group) !== 0) return undefined;
  const pid = group.readInt32LE();
  return pid > 1 ? pid : undefined;
}

/** How many bytes were read, or went; "later" if that would block; "end" if nobody is there any more. */
export type Moved = number | "later" | "end";

export function readNow(fd: number, buffer: Buffer): Moved {
  return moved(readBytes(fd, buffer, buffer.length), 1);
}

export function writeNow(fd: number, bytes: Buffer): Moved {
  return moved(writeBytes(fd, bytes, bytes.length), 0);
}

function moved(count: number, least: number): Moved {
  if (count >= least) return count;
  return count < 0 && failedWith("EAGAIN", "EINTR") ? "later" : "end";
}
