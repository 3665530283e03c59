/**
 * Processes as /proc shows them: proc(5).
 *
 * A process is its pid and its start time. An open /proc/PID/stat stays with its process even if the pid is
 * used again (reading it then fails with ESRCH), so a table of open ones is both the cache and the
 * protection. What is kept is checked at each use: nothing happens to a process that leaves the text of its
 * stat as it was (exec alone counts page faults there), and one that called exec has another executable or
 * other addresses of its arguments, and is read anew.
 *
 * For what asks again after a moment it is enough that it has the memory, the parent and the terminal that it
 * had (table/memory.ts).
 */

import { closeSync, readFileSync, readSync } from "node:fs";
import { hasCode, isShortage } from "../../errors.ts";
import type { Caller, Process, ProcessId } from "../../policy/request.ts";
import { descriptorLimit } from "../files/descriptor-info.ts";
import { exePath } from "./exe.ts";
import { type ProcessFacts, readFacts, workingFolder } from "./facts.ts";
import { isInContainer } from "./namespaces.ts";
import { livingStat, type Stat, saysTheSame, ttyName } from "./stat.ts";
import { Memory } from "./table/memory.ts";
import { openStat, ProcessGone } from "./table/open-stat.ts";

interface Entry extends ProcessFacts {
  statFd: number;
  /** The text of /proc/PID/stat when it was last read, and what it says. */
  statText: Buffer;
  stat: Stat;
  /** What it had when the process was asked for the second time: what is read later on is about that. */
  memory?: Memory | undefined;
  shown?: Shown;
}

/** The process and its ancestors as they were last read. */
interface Shown {
  caller: Caller;
  parent: number;
  /** On performance.now()'s clock. */
  readAt: number;
}

interface Current {
  entry: Entry;
  stat: Stat;
}

/** The most that are shown of one process. */
export const MAX_ANCESTORS = 64;
/** How often a line of ancestors may change while it is read. */
const MAX_CHANGES = 20;
/**
 * For how long what is around a program stands for the next requests of the same process, in milliseconds: its
 * ancestors, its folder, what is at the path of its file. It was true when it was read, and an ancestor that
 * becomes another program meanwhile changes nothing about what it has started.
 */
const STANDS = 100;

/** Processes that are kept, at most, with two descriptors each; and which part of all they may take: an eighth. */
const MOST_KEPT = 128;
const SHARE = 8;

export class ProcessTable {
  readonly #entries = new Map<number, Entry>();
  readonly #limit: number;
  readonly #buffer = Buffer.alloc(2048);

  /** @param limit the most processes to keep, a descriptor each, and a second one for what asks again */
  constructor(limit = Math.min(MOST_KEPT, Math.floor(descriptorLimit() / SHARE / 2))) {
    this.#limit = limit;
  }

  /** How many descriptors it may come to keep beside those that it keeps. */
  get mayTake(): number {
    const kept = [...this.#entries.values()].reduce((sum, { memory }) => sum + (memory ? 2 : 1), 0);
    return 2 * this.#limit - kept;
  }

  /** Calls once more without all that is kept, where no descriptor is left for it. */
  withRoom<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      if (!isShortage(error) || this.#entries.size === 0) throw error;
      this.close();
      return action();
    }
  }

  /**
   * The process and its ancestors as they are now.
   * @throws ProcessGone if the process has ended, or is not the one that had this start time
   */
  read(pid: number, startTime?: string): Caller {
    const known = this.#entries.get(pid);
    const shown = known && this.#stillShown(known);
    if (known && shown && (startTime === undefined || shown.startTime === startTime)) {
      this.#keep(known);
      return shown;
    }
    const caller = this.#read(pid);
    if (startTime !== undefined && caller.startTime !== startTime)
      throw new ProcessGone(`process ${pid} has ended`);
    return caller;
  }

  /** What was shown of it a moment ago, if it still is that. Where that can't be said, all is read again. */
  #stillShown(entry: Entry): Caller | undefined {
    const { memory, shown, statFd, statText } = entry;
    if (!memory) {
      // before what is read next: that is about this memory then, or is seen to be about another one
      entry.memory = shown && Memory.open(entry.pid);
      return undefined;
    }
    const text = this.#readStat(statFd);
    if (!memory.isThere) this.#drop(entry);
    else if (shown && text && isRecent(shown) && saysTheSame(text, statText)) return shown.caller;
    return undefined;
  }

  #read(pid: number): Caller {
    const current = this.#current(pid);
    const { entry, stat } = current;
    const { ancestors, readAt } = this.#ancestors(current);
    const caller: Caller = {
      ...processOf(entry),
      session: entry.session,
      ancestors,
      // where the executable is hidden, nothing shows that it went into another namespace since
      container: entry.container || (entry.exe === undefined && isInContainer(pid)),
    };
    const leader = this.#leader(Number(stat.posixSession), caller);
    if (leader) caller.leader = leader;
    const cwd = workingFolder(pid);
    const tty = ttyName(stat.tty);
    if (cwd !== undefined) caller.cwd = cwd;
    if (tty !== undefined) caller.tty = tty;
    entry.shown = { caller, parent: stat.parent, readAt };
    return caller;
  }

  /** No other process gets its pid while the session has one in it. */
  #leader(pid: number, caller: Caller): ProcessId | undefined {
    if (pid === 0) return undefined; // it is outside of this pid namespace
    const known = caller.pid === pid ? caller : caller.ancestors.find((process) => process.pid === pid);
    const { pid: _, startTime } = known ?? this.#currentOrGone(pid)?.entry ?? {};
    return startTime === undefined ? undefined : { pid, startTime };
  }

  close(): void {
    for (const entry of this.#entries.values()) this.#drop(entry);
  }

  /**
   * An ancestor may end while the line is read: its children have another parent then, and the line is read
   * again. One that breaks off at the same place twice leads to a process that /proc hides.
   */
  #ancestors(process: Current): { ancestors: Process[]; readAt: number } {
    const { pid, startTime, shown } = process.entry;
    if (shown?.parent === process.stat.parent && isRecent(shown))
      return { ancestors: shown.caller.ancestors, readAt: shown.readAt };
    const readAt = performance.now();
    let brokenAt = 0;
    let current = process;
    for (let changes = 0; changes < MAX_CHANGES; changes++) {
      const { ancestors, missing } = this.#line(current);
      if (missing === brokenAt) return { ancestors, readAt };
      brokenAt = missing;
      current = this.#current(pid);
      if (current.entry.startTime !== startTime) throw new ProcessGone(`process ${pid} has ended`);
    }
    throw new ProcessGone(`the ancestors of process ${pid} keep changing`);
  }

  /** The line of ancestors, up to the first process (whose parent is 0) or to one that is missing. */
  #line({ entry, stat }: Current): { ancestors: Process[]; missing: number } {
    const ancestors: Process[] = [];
    let next = stat.parent;
    let youngest = Number(entry.startTime);
    while (next > 0 && ancestors.length < MAX_ANCESTORS) {
      const current = this.#currentOrGone(next);
      // a parent is older than its child: a younger one has got the pid of a parent that ended
      if (!current || Number(current.entry.startTime) > youngest) return { ancestors, missing: next };
      ancestors.push(processOf(current.entry));
      youngest = Number(current.entry.startTime);
      next = current.stat.parent;
    }
    return { ancestors, missing: 0 };
  }

  #currentOrGone(pid: number): Current | undefined {
    try {
      return this.#current(pid);
    } catch (error) {
      if (error instanceof ProcessGone) return undefined;
      throw error;
    }
  }

  #current(pid: number): Current {
    return this.withRoom(() => this.#readCurrent(pid));
  }

  #readCurrent(pid: number): Current {
    const known = this.#entries.get(pid);
    if (known) {
      const text = this.#readStat(known.statFd);
      if (text?.equals(known.statText)) return { entry: this.#keep(known), stat: known.stat };
      const stat = text && livingStat(text);
      if (stat) return { entry: this.#keep(refreshed(known, Buffer.from(text), stat)), stat };
      this.#drop(known);
    }
    const statFd = openStat(pid);
    try {
      const text = this.#readStat(statFd);
      const stat = text && livingStat(text);
      if (!stat) throw new ProcessGone(`process ${pid} has ended`);
      const entry = { ...readFacts(pid, stat), statFd, statText: Buffer.from(text), stat };
      return { entry: this.#keep(entry), stat };
    } catch (error) {
      closeSync(statFd);
      throw error;
    }
  }

  /** Keeps it as the one that was used last: the map's order is the order of use. */
  #keep(entry: Entry): Entry {
    this.#entries.delete(entry.pid);
    this.#entries.set(entry.pid, entry);
    const [oldest] = this.#entries.values();
    if (oldest && this.#entries.size > this.#limit) this.#drop(oldest);
    return entry;
  }

  #drop({ pid, statFd, memory }: Entry): void {
    this.#entries.delete(pid);
    closeSync(statFd);
    memory?.close();
  }

  /** A view on a shared buffer; undefined for a process that has ended and been reaped. */
  #readStat(fd: number): Buffer | undefined {
    try {
      return this.#buffer.subarray(0, readSync(fd, this.#buffer, 0, this.#buffer.length, 0));
    } catch (error) {
      if (hasCode(error, "ESRCH")) return undefined;
      throw error;
    }
  }
}

function isRecent({ readAt }: Shown): boolean {
  return performance.now() - readAt < STANDS;
}

/** Whether the process that had this start time is still there. */
export function isProcess(pid: number, startTime: string): boolean {
  try {
    return livingStat(readFileSync(`/proc/${pid}/stat`))?.startTime === startTime;
  } catch {
    return false;
  }
}

function refreshed(entry: Entry, statText: Buffer, stat: Stat): Entry {
  const isSame = stat.layout === entry.layout && stat.name === entry.name && !hasOtherExe(entry);
  if (isSame) return { ...entry, statText, stat };
  entry.memory?.close();
  return { ...readFacts(entry.pid, stat), statFd: entry.statFd, statText, stat };
}

/**
 * By exec, because its file was removed or renamed, or because it sees other files by now: unshare(2). Where
 * the kernel doesn't tell the executable, it is the name that shows an exec.
 */
function hasOtherExe({ pid, exe, exeFile, exeDeleted, exeForeign }: Entry): boolean {
  if (exe === undefined) return false;
  const now = exePath(pid);
  if (now?.path !== exe || now.file !== exeFile) return true;
  return now.deleted !== (exeDeleted ?? false) || now.foreign !== (exeForeign ?? false);
}

function processOf(entry: Entry): Process {
  const { pid, startTime, exe, exeFile, exeDeleted, exeForeign, systemShell, ofRoot, name, cmdline } = entry;
  const { posixSession, tty } = entry.stat;
  const file = { ...(exe !== undefined && { exe }), ...(exeFile !== undefined && { exeFile }) };
  const leads = tty !== 0 && posixSession === String(pid);
  const flags = { ...(exeDeleted && { exeDeleted }), ...(exeForeign && { exeForeign }) };
  return {
    pid,
    startTime,
    name,
    cmdline,
    ...file,
    ...flags,
    ...(systemShell && { systemShell }),
    ...(ofRoot && { ofRoot }),
    ...(leads && { leadsTerminal: true }),
  };
}
