/** `muxguard run --confine`: the command in namespaces of its own, made by bubblewrap. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, constants, openSync, readdirSync, readSync, writeFileSync, writeSync } from "node:fs";
import { constants as system } from "node:os";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { attempt } from "../../attempt.ts";
import { messageOf } from "../../errors.ts";
import { bwrapArguments, bwrapCommand, findBwrap, mendOf } from "../../platform/confine/bwrap.ts";
import { inheritNone, leadsOut } from "../../platform/confine/descriptors.ts";
import type { Plan } from "../../platform/confine/plan.ts";
import { makeFifo } from "../../platform/libc/descriptors.ts";
import { firstChild } from "../../platform/proc/first-child.ts";
import { signalProcess } from "../../platform/proc/signal.ts";
import { visible } from "../../policy/visible.ts";
import { makeAbsent, removeMade } from "../../runs/confined/start-up.ts";
import { isRunFolder } from "../../runs/folders.ts";
import { markedCommand } from "../../runs/holder.ts";
import { notToldToday } from "../../runs/unguarded/told.ts";
import { toStderr } from "../../to-stderr.ts";
import { CliError, exitCodes } from "../cli-error.ts";
import { type Confining, planRun, preparePlaces, sshPrograms } from "./confined-facts.ts";
import type { OpenRun } from "./request.ts";

/** Starts a program with these descriptors from 3 on. */
export type Start = (words: readonly string[], descriptors: ("pipe" | number)[]) => ChildProcess;

export interface ConfinedRun extends Confining {
  opened: OpenRun;
  command: readonly string[];
  start: Start;
  /** Whether the run has a terminal of its own. */
  ownTerminal: boolean;
  onStart(send: (signal: NodeJS.Signals) => void): void;
}

const descriptors = { arguments: 3, status: 4, begin: 5 };

/** Returns the exit code. @throws CliError where it can't be confined: nothing was started then */
export async function runConfined(run: ConfinedRun): Promise<number> {
  const program = findBwrap();
  const reason = leadsOut();
  if (reason !== undefined) throw new CliError(`this run can't be confined: ${reason}`, exitCodes.notExecutable);
  if (program === undefined) throw cannot("bubblewrap makes it");
  inheritNone();
  preparePlaces(run.opened, run.paths);
  const made = holdStartUpFiles(run);
  try {
    let ended = await runOnce(run, program);
    // something may have gone while it was looked at
    if ("failed" in ended) ended = await runOnce(run, program);
    if ("failed" in ended) throw cannot(ended.failed);
    return ended.code;
  } finally {
    made.close();
  }
}

function cannot(why: string): CliError {
  const mend = mendOf();
  const text = `this run can't be confined: ${why}${mend === undefined ? "" : `; ${mend}`}`;
  return new CliError(`${text}; --no-confine starts it without`, exitCodes.notExecutable);
}

/** Those that are not there, until the last confined run has ended. */
function holdStartUpFiles({ opened, paths }: ConfinedRun): { close(): void } {
  const home = homedir();
  writeFileSync(join(opened.folder, CONFINED), "");
  makeAbsent(home);
  return {
    close: () => {
      const names = readdirSync(paths.runtime).filter(isRunFolder);
      const others = names.map((name) => join(paths.runtime, name)).filter((one) => one !== opened.folder);
      const isHeld = others.some((folder) => attempt(() => readdirSync(folder))?.includes(CONFINED));
      if (!isHeld) removeMade(home);
    },
  };
}

/** In the folder of a confined run. */
const CONFINED = "confined";

type Ended = { code: number } | { failed: string };

async function runOnce(run: ConfinedRun, program: string): Promise<Ended> {
  const { plan, loose } = planRun(run);
  const ways = loose.map((text) => ({ id: `loose ${text}`, text }));
  for (const { text } of notToldToday(run.paths.told, ways)) toStderr(`muxguard: not held: ${visible(text)}`);
  const begin = new Begin(join(run.opened.folder, `begin-${process.hrtime.bigint()}`));
  try {
    return await runPlanned(run, program, plan, begin);
  } finally {
    begin.close();
  }
}

async function runPlanned(run: ConfinedRun, program: string, plan: Plan, begin: Begin): Promise<Ended> {
  const words = markedCommand(bwrapCommand(program, descriptors, run.command), true);
  const child = run.start(words, ["pipe", "pipe", begin.descriptor]);
  const end = endOf(child);
  run.onStart((signal) => child.kill(signal));
  const [, , , from, status] = child.stdio as unknown as Duplex[];
  from?.on("error", () => {}).end(bwrapArguments(plan, descriptors, run.ownTerminal));
  const inner = await innerProcess(status);
  if (inner !== undefined) {
    const refused = await noteRun(run.opened, inner);
    if (refused !== undefined) {
      child.kill("SIGKILL");
      await end;
      return { failed: refused };
    }
    run.onStart((signal) => signalCommand(inner, child, signal));
    begin.give();
  }
  const code = await end;
  return begin.isTaken() ? { code } : { failed: `bubblewrap ended with exit code ${code}` };
}

/** The guard has to know the namespaces before anything in them asks it. @returns why it does not */
async function noteRun(opened: OpenRun, inner: number): Promise<string | undefined> {
  try {
    await opened.noteConfined(inner, opened.rideFolder === undefined ? [] : sshPrograms());
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** Of bubblewrap, or of the command: it hands that on. */
function endOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject(cannot(`bubblewrap: ${error.message}`)));
    child.once("exit", (code, signal) =>
      resolve(signal === null ? (code ?? 1) : exitCodes.signal + system.signals[signal]),
    );
  });
}

/** The first process in the namespaces, as bubblewrap says it; undefined where it ends before. */
function innerProcess(status: Duplex | undefined): Promise<number | undefined> {
  let said = "";
  return new Promise((resolve) => {
    status?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      const [, pid] = /"child-pid": (\d+)/.exec(said) ?? [];
      if (pid !== undefined) resolve(Number(pid));
    });
    for (const end of ["end", "error", "close"]) status?.on(end, () => resolve(undefined));
  });
}

/** Milliseconds until the command, which was just begun, is there. */
const BEGINS = 5;

/** bubblewrap itself would end with all that is inside, and the command hear nothing. */
function signalCommand(inner: number, child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const command = firstChild(inner);
  if (command) signalProcess(command, signal);
  else setTimeout(() => signalCommand(inner, child, signal), BEGINS);
}

/** What bubblewrap reads from before it starts the command. It has set up all by then. */
class Begin {
  readonly descriptor: number;
  readonly #path: string;
  #given = false;

  constructor(path: string) {
    makeFifo(path);
    this.#path = path;
    this.descriptor = openSync(path, constants.O_RDWR);
  }

  give(): void {
    writeSync(this.descriptor, "\n");
    this.#given = true;
  }

  isTaken(): boolean {
    if (!this.#given) return false;
    const fd = openSync(this.#path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return attempt(() => readSync(fd, Buffer.alloc(1))) !== 1;
    } finally {
      closeSync(fd);
    }
  }

  close(): void {
    closeSync(this.descriptor);
  }
}

/** Without a pty of its own, the run gets no terminal. */
export function startDetached(env: NodeJS.ProcessEnv): Start {
  return ([program = "", ...words], others) =>
    spawn(program, words, { stdio: ["inherit", "inherit", "inherit", ...others], env, detached: true });
}
