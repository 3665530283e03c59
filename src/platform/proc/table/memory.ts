/**
 * Whether a process has called exec, for one system call.
 *
 * An open /proc/PID/environ belongs to the memory that the process had when it was opened (proc_mem_open() of
 * the kernel's fs/proc/base.c). exec makes a new memory, and the file has nothing to read any more once nobody
 * has the old one. So a byte that can be read says: what was seen of this program since the file was opened
 * still holds.
 *
 * It can't say so where the memory has another holder: a child that was made with CLONE_VM, and vfork(2). So
 * the text of /proc/PID/stat is compared beside it (stat.ts), and all is looked at anew after a short while.
 */
import { closeSync, openSync, readSync } from "node:fs";

const byte = Buffer.alloc(1);

export class Memory {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Undefined where it would tell nothing: of a process that forbids to look, that has ended, or that began with
   * no environment at all; and where no descriptor is left. All is looked at then.
   */
  static open(pid: number): Memory | undefined {
    let fd: number;
    try {
      fd = openSync(`/proc/${pid}/environ`, "r");
    } catch {
      return undefined;
    }
    const memory = new Memory(fd);
    if (memory.isThere) return memory;
    memory.close();
    return undefined;
  }

  get isThere(): boolean {
    try {
      return readSync(this.#fd, byte, 0, 1, 0) === 1;
    } catch {
      return false; // what can't be said is looked at as a whole
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}
