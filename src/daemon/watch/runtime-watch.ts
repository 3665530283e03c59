/**
 * The guard's own files in its runtime folder: its sockets, and the file of `muxguard lock`. Any program of
 * the user's may remove or replace them. That is noticed, told, and mended; what went to a false socket until
 * then is not the guard's to undo.
 *
 * A daemon that nobody can reach any more ends: its folder can't be made anew, or another daemon is in its place.
 */
import { closeSync } from "node:fs";
import { basename, join } from "node:path";
import { attempt } from "../../attempt.ts";
import { hasCode, isShortage, messageOf } from "../../errors.ts";
import { ensurePrivateFolder } from "../../platform/files/private-folder.ts";
import { WatchedFolder } from "../../platform/files/watched-folder.ts";
import type { ProcessTable } from "../../platform/proc/process.ts";
import type { Listener } from "../../platform/sockets/listener.ts";
import { openListeningSocket } from "../../platform/sockets/listening-socket.ts";
import { clockTime } from "../../policy/describe/broken-policy.ts";
import { visible } from "../../policy/visible.ts";
import type { Lock } from "../lock.ts";
import type { Alarms } from "./alarms.ts";

/** No more than one look in this time: whoever replaces a socket may do so all the time. In milliseconds. */
const PAUSE = 100;

/** How often the same socket is told of, in milliseconds. */
const TOLD_EVERY = 60_000;

/** When it is tried again to mend what could not be, in milliseconds. */
const AGAIN = 500;

/** How long a folder may be missing that can't be made, in milliseconds: who moves one puts it back at once. */
const LONGEST_LOST = 5000;

export interface RuntimeWatchParts {
  folder: string;
  /** If its file is in the folder. */
  lock?: Pick<Lock, "isOn" | "restore">;
  alarms: Pick<Alarms, "raise" | "findings">;
  /** Those that are open now. */
  listeners(): Iterable<Pick<Listener, "path" | "isInPlace" | "putBack">>;
  /** Who listens at the path, in words; undefined if nobody does. */
  listenerAt(path: string): string | undefined;
  /** For a daemon. */
  ends?: DaemonEnds;
}

/** How a daemon ends that nobody can reach: for good, or because another one is there in its place. */
export type Unreached = "lost" | "replaced";

export interface DaemonEnds {
  /** The daemon that has taken over, in words; undefined where none has. Never rejects. */
  successor(): Promise<string | undefined>;
  /** It has been told why. */
  end(how: Unreached): void;
}

/** The folder can't be made anew. */
class FolderLost extends Error {}

/** Who listens there, in words; undefined if nobody does. It is connected to, and sent nothing. */
export function describeListener(path: string, processes: ProcessTable): string | undefined {
  const found = openListeningSocket(path);
  if (!found) return undefined;
  closeSync(found.fd);
  const process = attempt(() => processes.read(found.pid));
  return `pid ${found.pid}${process ? ` (${process.exe ?? process.name})` : ""}`;
}

export class RuntimeWatch {
  readonly #parts: RuntimeWatchParts;
  readonly #folders: readonly WatchedFolder[];
  /** When each socket was told of. */
  readonly #told = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #looking = false;
  #closed = false;
  /** Since when the folder can't be made. */
  #lostSince: number | undefined;

  constructor(parts: RuntimeWatchParts) {
    this.#parts = parts;
    const { folder, alarms } = parts;
    const changed = (): void => this.#changed();
    this.#folders = [folder, join(folder, "control")].map((path) => {
      const failed = (reason: string): void => void alarms.findings.set(`watch ${path}`, reason);
      return new WatchedFolder(path, { found: changed, changed, failed });
    });
  }

  /** Never rejects. */
  async start(): Promise<void> {
    await Promise.all(this.#folders.map((folder) => folder.start()));
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const folder of this.#folders) folder.close();
  }

  #changed(after = PAUSE): void {
    if (this.#closed) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.#looking) return this.#changed();
      this.#looking = true;
      this.#look()
        .catch((error: unknown) => this.#failed(error))
        .finally(() => {
          this.#looking = false;
        });
    }, after).unref();
  }

  /** @throws Error where something could not be mended */
  async #look(): Promise<void> {
    const { folder, lock, alarms, listeners, ends } = this.#parts;
    const away = [...listeners()].filter((listener) => !listener.isInPlace());
    const successor = away.length > 0 ? await ends?.successor() : undefined;
    if (this.#closed) return;
    if (successor !== undefined) return this.#giveWay(successor);
    if (away.length > 0 || lock?.isOn) for (const path of [folder, join(folder, "control")]) makeFolder(path);
    this.#lostSince = undefined;
    if (lock?.restore())
      alarms.raise("lock", "lock-removed", "the file of muxguard lock was removed; muxguard stays locked");
    for (const listener of away) await this.#mend(listener);
    alarms.findings.set("runtime", undefined);
  }

  #failed(error: unknown): void {
    const { alarms } = this.#parts;
    alarms.findings.set("runtime", messageOf(error));
    if (!(error instanceof FolderLost)) this.#lostSince = undefined;
    else {
      this.#lostSince ??= performance.now();
      if (performance.now() - this.#lostSince >= LONGEST_LOST) this.#lost(error);
    }
    this.#changed(AGAIN);
  }

  /** Whoever has the folder is reached there, and nobody is here. */
  #lost({ message }: FolderLost): void {
    const { folder, alarms, ends } = this.#parts;
    if (!ends) return; // a run goes on until its command ends
    const what = `nobody can reach the daemon: ${visible(folder, 200)} is gone, and can't be made anew`;
    const mend = "see to it that the folder can be made, then: muxguard daemon";
    const says = `${what}: ${message}. It ends, with the connections that it guards; ${mend}`;
    alarms.raise("daemon", "daemon-lost", says);
    this.#end("lost");
  }

  #giveWay(successor: string): void {
    const says = `${visible(successor, 200)} has taken over in ${visible(this.#parts.folder, 200)}`;
    this.#parts.alarms.raise("daemon", "daemon-replaced", `${says}; this one ends`);
    this.#end("replaced");
  }

  #end(how: Unreached): void {
    this.#closed = true;
    this.#parts.ends?.end(how);
  }

  async #mend(listener: Pick<Listener, "path" | "isInPlace" | "putBack">): Promise<void> {
    const { alarms, listenerAt } = this.#parts;
    const { path } = listener;
    const other = listenerAt(path);
    await listener.putBack();
    const now = performance.now();
    if (now - (this.#told.get(path) ?? Number.NEGATIVE_INFINITY) < TOLD_EVERY) return;
    this.#told.set(path, now);
    const date = new Date();
    const by = other === undefined ? "was removed" : `was replaced by that of ${visible(other, 200)}`;
    const sent = other === undefined ? "" : "; what was sent there, that program has";
    alarms.raise(
      `socket ${basename(path)}`,
      "socket-replaced",
      `${path} ${by} at ${clockTime(date, date)}, and is the guard's again${sent}`,
    );
  }
}

/** @throws FolderLost where that can't be done, whatever room there is */
function makeFolder(path: string): void {
  try {
    ensurePrivateFolder(path);
  } catch (error) {
    const lacksRoom = isShortage(error) || ["ENOSPC", "EDQUOT"].some((code) => hasCode(error, code));
    throw lacksRoom ? error : new FolderLost(messageOf(error));
  }
}
