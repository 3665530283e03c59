/** The process at the other end of a connection. */
import { closeSync } from "node:fs";
import { uptime } from "node:os";
import type { Caller } from "../../policy/request.ts";
import { hasEnded } from "../libc/pidfd.ts";
import { peerPidfd } from "../libc/sockets.ts";
import type { Accepted } from "../sockets/listener.ts";
import { runsSameFile } from "./exe.ts";
import type { ProcessTable } from "./process.ts";
import { TICKS_PER_SECOND } from "./stat.ts";
import { ProcessGone } from "./table/open-stat.ts";

export class Peer {
  readonly pid: number;
  readonly uid: number;
  readonly #fd: number;
  readonly #table: ProcessTable;
  readonly #acceptedAt: number;
  #startTime: string | undefined;

  /** @param accepted the connection; it must stay open while identify() may be called */
  constructor({ pid, uid, descriptor, acceptedAt }: Accepted, table: ProcessTable) {
    this.pid = pid;
    this.uid = uid;
    this.#fd = descriptor;
    this.#acceptedAt = acceptedAt;
    this.#table = table;
  }

  /**
   * Who connected, as it is now.
   * @throws ProcessGone once it has ended, also if its pid belongs to another process by now
   */
  identify(): Caller {
    if (this.#startTime !== undefined) return this.#table.read(this.pid, this.#startTime);
    const caller = this.#identifyFirst();
    this.#startTime = caller.startTime;
    return caller;
  }

  /**
   * The pid was taken when the connection was made; that it still means the same process is settled once,
   * with a pidfd.
   */
  #identifyFirst(): Caller {
    if (this.pid <= 0) throw new ProcessGone("a process in a pid namespace that can't be seen from here");
    const peer = this.#table.withRoom(() => peerPidfd(this.#fd));
    if ("missing" in peer) {
      if (peer.missing === "gone") throw new ProcessGone(`process ${this.pid} has ended`);
      return this.#identifyByTime();
    }
    try {
      const caller = this.#table.read(this.pid);
      if (hasEnded(peer.pidfd)) throw new ProcessGone(`process ${this.pid} has ended`);
      return caller;
    } finally {
      closeSync(peer.pidfd);
    }
  }

  /**
   * Before Linux 6.5: a process that started after the connection was made has got the pid of the one that
   * made it.
   */
  #identifyByTime(): Caller {
    const caller = this.#table.read(this.pid);
    const accepted = uptime() - (performance.now() - this.#acceptedAt) / 1000;
    if (Number(caller.startTime) / TICKS_PER_SECOND > accepted + 1 / TICKS_PER_SECOND) {
      throw new ProcessGone(`process ${this.pid} has ended`);
    }
    return caller;
  }

  /** Whether it is still alive and has not called exec since. False also where that can't be said. */
  isUnchanged(before: Caller): boolean {
    try {
      const now = this.identify();
      return (
        now.startTime === before.startTime &&
        runsSameFile(now, before) &&
        sameWords(now.cmdline, before.cmdline)
      );
    } catch {
      return false;
    }
  }
}

function sameWords(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((word, at) => word === b[at]);
}
