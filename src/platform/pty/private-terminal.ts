/**
 * A command on a terminal of its own, behind the one that this process has: keys go in, what it prints comes
 * out, as sudo's use_pty has it. What is inside can't reach the outer one: it has another session and another
 * controlling terminal, so that TIOCSTI ends there. A question can take screen and keys for itself.
 */
import { closeSync } from "node:fs";
import { foregroundOf, isByLine, modesOf, openPty, setModes, setWindowSize } from "../libc/pty.ts";
import { Flow } from "./flow.ts";
import { Monitor, type MonitorOptions } from "./monitor.ts";
import { OuterTerminal } from "./outer.ts";
import { StopLook, type Stoppable } from "./stop-look.ts";
import { ModeTracker } from "./tracker.ts";

/** How often a run in the background looks whether it has come to the front: no signal tells. In milliseconds. */
const LOOK = 250;
/** Until a stop of this process has come to pass, in milliseconds; a group of nobody's does not stop. */
const STOP = 100;
/** What is read at the end or at a stop, of processes that go on printing. */
const LAST_BYTES = 1024 * 1024;

export interface PrivateCommand extends Omit<MonitorOptions, "slave" | "path" | "stopped"> {
  /** The outer terminal is gone. What has the keys inside was told. */
  hungUp: () => void;
}

export class PrivateTerminal {
  /** The command's exit code. */
  readonly ended: Promise<number>;
  readonly #outer = new OuterTerminal();
  readonly #master: number;
  readonly #monitor: Monitor;
  readonly #tracker = new ModeTracker();
  readonly #keys: Flow;
  readonly #screen: Flow;
  readonly #look: NodeJS.Timeout;
  /** Lines for a screen that is another's just now. */
  #lines: string[] = [];
  #isTaken = false;
  #isStopped = false;
  /** The monitor said so, and waits to be told that it goes on. */
  #isMonitorStopped = false;
  /** Of a command that the monitor does not see stop. */
  #stops: StopLook | undefined;
  /** Modes of a terminal that began in the background, until it comes to the front. */
  #begun: Buffer | undefined;
  #resuming: NodeJS.Timeout | undefined;
  readonly #resize = (): void => this.#fit();
  readonly #continued = (): void => this.#comeBack();

  /** @throws Error where there is no terminal, or no pty to be had */
  constructor(command: PrivateCommand) {
    const { master, slave, path } = this.#open();
    this.#master = master;
    try {
      this.#monitor = new Monitor({ ...command, slave, path, stopped: () => this.#monitorStopped() });
    } finally {
      closeSync(slave);
    }
    this.ended = this.#monitor.ended;
    const { fd } = this.#outer;
    const hungUp = (): void => {
      this.#signalForeground("SIGHUP");
      command.hungUp();
    };
    const mayRead = (): boolean => this.#outer.isOurs;
    const lookAtKeys = (bytes: Buffer): number => {
      this.#stops?.keys(bytes);
      return bytes.length;
    };
    this.#keys = new Flow({ from: fd, to: master, mayRead, look: lookAtKeys, ended: hungUp });
    const look = (bytes: Buffer): number => this.#tracker.feed(bytes);
    this.#screen = new Flow({ from: master, to: fd, look, ended: () => {} });
    process.on("SIGWINCH", this.#resize);
    process.on("SIGCONT", this.#continued);
    this.#look = setInterval(() => this.#lookForKeys(), LOOK).unref();
    this.#screen.start();
    this.#front();
  }

  #open() {
    try {
      const pair = openPty();
      // the outer one may be in the hands of a shell's line editor, which has set it for itself
      if (this.#outer.isOurs) setModes(pair.slave, this.#outer.modes);
      else this.#begun = modesOf(pair.slave);
      const { size } = this.#outer;
      if (size) setWindowSize(pair.master, size);
      return pair;
    } catch (error) {
      this.#outer.close();
      throw error;
    }
  }

  /** To the command. */
  kill(signal: NodeJS.Signals): void {
    this.#monitor.kill(signal);
  }

  /** A command that is not the monitor's own child. Its end is told, its stops are not. */
  lookForStops(command: Stoppable): void {
    this.#stops = new StopLook(command, () => this.#stop());
  }

  /** To whatever has the keys inside, as its Ctrl-C would. */
  interrupt(): void {
    this.#signalForeground("SIGINT");
  }

  /** A line of this process's own. A program that fills the screen is not disturbed: it comes afterwards. */
  say(line: string): void {
    this.#lines.push(line);
    this.#showLines();
  }

  #showLines(): void {
    if (this.#isTaken || this.#tracker.isAlternate) return;
    // the outer terminal adds no carriage returns while it is raw
    for (const line of this.#lines.splice(0)) this.#screen.add(Buffer.from(`${line}\r\n`));
  }

  /**
   * Screen and keys are the caller's until it gives them back; what the program prints waits.
   * @returns what gives them back, which never fails
   */
  async take(signal: AbortSignal): Promise<() => void> {
    this.#isTaken = true;
    await Promise.race([Promise.all([this.#keys.stop(), this.#screen.stop()]), aborted(signal)]);
    this.#screen.add(Buffer.from(this.#tracker.suspend()));
    const wasAlternate = this.#tracker.isAlternate;
    // such a program draws anew when the size has changed: to another one now, and back afterwards
    if (wasAlternate) this.#fit();
    await Promise.race([this.#screen.stop(), aborted(signal)]);
    return () => this.#giveBack();
  }

  #giveBack(): void {
    if (!this.#isTaken) return;
    this.#isTaken = false;
    this.#screen.add(Buffer.from(this.#tracker.resume()));
    this.#fit();
    this.#showLines();
    if (this.#isStopped) return void this.#follow();
    this.#screen.start();
    this.#front();
  }

  /** Shows what the command has printed last, and gives the outer terminal back. */
  async close(): Promise<void> {
    clearInterval(this.#look);
    this.#stops?.close();
    clearTimeout(this.#resuming);
    process.removeListener("SIGWINCH", this.#resize);
    process.removeListener("SIGCONT", this.#continued);
    this.#giveBack();
    await this.#keys.stop();
    await this.#screen.drain(LAST_BYTES);
    this.#screen.flush();
    for (const line of this.#lines.splice(0)) this.#screen.add(Buffer.from(`${line}\r\n`));
    await this.#screen.stop();
    await this.#monitor.end();
    this.#keys.close();
    this.#screen.close();
    closeSync(this.#master);
    this.#outer.close();
  }

  /** The size of the outer terminal is that of the inner one; one line less for what is to draw anew. */
  #fit(): void {
    const { size } = this.#outer;
    if (!size) return;
    const rows = size.readUInt16LE(0);
    if (this.#isTaken && this.#tracker.isAlternate && rows > 1) size.writeUInt16LE(rows - 1, 0);
    setWindowSize(this.#master, size);
  }

  /** Has the keys if this process has them. */
  #front(): void {
    if (this.#isTaken || this.#isStopped || !this.#outer.isOurs) return;
    this.#takeModes();
    this.#outer.makeRaw();
    this.#fit();
    this.#keys.start();
  }

  /** Those that the shell has for its jobs, unless the command has set others by then. */
  #takeModes(): void {
    const begun = this.#begun;
    this.#begun = undefined;
    if (begun === undefined || !modesOf(this.#master).equals(begun)) return;
    const { modes } = this.#outer;
    if (isByLine(modes)) setModes(this.#master, modes);
  }

  #lookForKeys(): void {
    this.#front();
    if (this.#lines.length > 0) this.#showLines();
  }

  /** The command has stopped (Ctrl-Z): so does this process, and its shell has the terminal as it was. */
  #stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    if (!this.#isTaken) void this.#follow(); // never rejects
  }

  #monitorStopped(): void {
    this.#isMonitorStopped = true;
    this.#stop();
  }

  async #follow(): Promise<void> {
    // what it does not read stays for later
    void this.#keys.stop(); // never rejects
    // the last that it has printed gives the screen back, where it is an editor
    if (!(await this.#screen.drain(LAST_BYTES))) return; // taken by a question, or gone on
    this.#outer.restore();
    // it may be that nobody could wake this group: then the kernel does not stop it, and nor is the command
    this.#resuming = setTimeout(this.#continued, STOP);
    process.kill(0, "SIGTSTP");
  }

  /** This process goes on after a stop, its own or the command's. */
  #comeBack(): void {
    clearTimeout(this.#resuming);
    if (this.#isMonitorStopped) this.#monitor.resume();
    else if (this.#isStopped) this.#goOn();
    this.#isStopped = this.#isMonitorStopped = false;
    if (!this.#isTaken) this.#screen.start();
    this.#front();
  }

  #goOn(): void {
    this.#signalForeground("SIGCONT");
    this.#stops?.goOn();
  }

  #signalForeground(signal: NodeJS.Signals): void {
    const group = foregroundOf(this.#master);
    if (group === undefined) return;
    try {
      process.kill(-group, signal);
    } catch {
      // it has ended
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
