/** What bubblewrap is told, and tells, over descriptors of its own: its arguments, who is inside, when to begin. */
import { closeSync, constants, openSync, readSync, unlinkSync, writeFileSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { attempt } from "../../attempt.ts";
import { makeFifo } from "../libc/descriptors.ts";

export class BwrapPipes {
  readonly #arguments: number;
  readonly #status: { read: Socket; handedOn: number };
  readonly #begin: Pipe;
  #isTold = false;

  /** @param folder private: they have names there for a moment */
  constructor(folder: string, words: string) {
    const name = join(folder, `bwrap-${process.hrtime.bigint()}`);
    writeFileSync(name, words, { mode: 0o600 });
    this.#arguments = openSync(name, constants.O_RDONLY);
    unlinkSync(name);
    // it reads there too: else it would end by SIGPIPE after this process, with what it has started left waiting
    const status = openPipe(name, constants.O_RDWR);
    const read = new Socket({ fd: status.read, readable: true, writable: false });
    this.#status = { read, handedOn: status.handedOn };
    closeSync(status.write);
    this.#begin = openPipe(name, constants.O_RDONLY);
  }

  /**
   * Those of bubblewrap: arguments, status, begin. The last one is at its end when this process is, which alone
   * writes to it.
   */
  get handedOn(): readonly number[] {
    return [this.#arguments, this.#status.handedOn, this.#begin.handedOn];
  }

  /**
   * The first process in the namespaces, once bubblewrap was started. Undefined where it ends before there is
   * one.
   */
  innerProcess(): Promise<number | undefined> {
    closeSync(this.#status.handedOn); // so that its end is heard of
    this.#status.handedOn = -1;
    const { read } = this.#status;
    let said = "";
    return new Promise((resolve) => {
      read.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        const [, pid] = /"child-pid": (\d+)/.exec(said) ?? [];
        if (pid !== undefined) resolve(Number(pid));
      });
      for (const end of ["end", "error", "close"]) read.on(end, () => resolve(undefined));
    });
  }

  /** The command starts when this was read, by what begins it. */
  begin(): void {
    writeSync(this.#begin.write, "\n");
    this.#isTold = true;
  }

  /** Whether it came so far. Asked once, when bubblewrap has ended. */
  hasBegun(): boolean {
    return this.#isTold && attempt(() => readSync(this.#begin.read, Buffer.alloc(1))) !== 1;
  }

  close(): void {
    this.#status.read.destroy();
    const { read, write, handedOn } = this.#begin;
    for (const fd of [this.#arguments, this.#status.handedOn, read, write, handedOn])
      if (fd >= 0) closeSync(fd);
  }
}

interface Pipe {
  /** Waits for nothing. */
  read: number;
  write: number;
  handedOn: number;
}

function openPipe(name: string, handedOnMode: number): Pipe {
  makeFifo(name);
  const read = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK);
  const write = openSync(name, constants.O_WRONLY);
  const handedOn = openSync(name, handedOnMode);
  unlinkSync(name);
  return { read, write, handedOn };
}
