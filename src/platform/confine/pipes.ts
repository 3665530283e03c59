/** What bubblewrap is told, and tells, over descriptors of its own: its arguments, who is inside, when to begin. */
import { closeSync, constants, openSync, readSync, unlinkSync, writeFileSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { attempt } from "../../attempt.ts";
import { makeFifo } from "../libc/descriptors.ts";

export class BwrapPipes {
  readonly #arguments: number;
  readonly #status: { read: Socket; write: number };
  readonly #begin: { read: number; write: number };
  #isTold = false;

  /** @param folder private: they have names there for a moment */
  constructor(folder: string, words: string) {
    const name = join(folder, `bwrap-${process.hrtime.bigint()}`);
    writeFileSync(name, words, { mode: 0o600 });
    this.#arguments = openSync(name, constants.O_RDONLY);
    unlinkSync(name);
    const { read, write } = openPipe(name);
    this.#status = { read: new Socket({ fd: read, readable: true, writable: false }), write };
    this.#begin = openPipe(name, constants.O_RDWR);
  }

  /** Those of bubblewrap: arguments, status, begin. */
  get handedOn(): readonly number[] {
    return [this.#arguments, this.#status.write, this.#begin.write];
  }

  /**
   * The first process in the namespaces, once bubblewrap was started. Undefined where it ends before there is
   * one.
   */
  innerProcess(): Promise<number | undefined> {
    closeSync(this.#status.write); // so that its end is heard of
    this.#status.write = -1;
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

  /** All is set up by then; the command starts when this was read. */
  begin(): void {
    writeSync(this.#begin.write, "\n");
    this.#isTold = true;
  }

  /** Whether bubblewrap came so far. Asked once, when it has ended. */
  hasBegun(): boolean {
    return this.#isTold && attempt(() => readSync(this.#begin.read, Buffer.alloc(1))) !== 1;
  }

  close(): void {
    this.#status.read.destroy();
    for (const fd of [this.#arguments, this.#status.write, this.#begin.read, this.#begin.write])
      if (fd >= 0) closeSync(fd);
  }
}

/** @param mode of the end that is handed on; the other end waits for nothing */
function openPipe(name: string, mode: number = constants.O_WRONLY): { read: number; write: number } {
  makeFifo(name);
  const read = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK);
  const write = openSync(name, mode);
  unlinkSync(name);
  return { read, write };
}
