/** `muxguard run --confine`: the command in namespaces of its own, made by bubblewrap. */
import { type StdioOptions, spawn } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { homedir, constants as system } from "node:os";
import { join } from "node:path";
import { attempt } from "../../attempt.ts";
import { messageOf } from "../../errors.ts";
import { bwrapArguments, bwrapCommand, findBwrap, mendOf } from "../../platform/confine/bwrap.ts";
import { inheritNone, leadsOut } from "../../platform/confine/descriptors.ts";
import { BwrapPipes } from "../../platform/confine/pipes.ts";
import { leaveSessionKeyring } from "../../platform/libc/keyring.ts";
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

/** Starts a program that gets these descriptors from 3 on. */
export type Start = (words: readonly string[], descriptors: readonly number[]) => Started;

export interface Started {
  /** With the exit code, 128+n if signal n ended it. */
  ended: Promise<number>;
  kill(signal: NodeJS.Signals): void;
}

export interface ConfinedRun extends Confining {
  opened: OpenRun;
  command: readonly string[];
  start: Start;
  /** Whether the run has a terminal of its own. */
  ownTerminal: boolean;
  onStart(send: (signal: NodeJS.Signals) => void): void;
}

/** As they are handed on. */
const descriptors = { arguments: 3, status: 4, begin: 5 };

/** Returns the exit code. @throws CliError where it can't be confined: nothing was started then */
export async function runConfined(run: ConfinedRun): Promise<number> {
  const program = findBwrap();
  const reason = leadsOut();
  if (reason !== undefined)
    throw new CliError(`this run can't be confined: ${reason}`, exitCodes.notExecutable);
  if (program === undefined) throw cannot("bubblewrap makes it");
  inheritNone();
  leaveSessionKeyring();
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
  const pipes = new BwrapPipes(run.opened.folder, bwrapArguments(plan, descriptors, run.ownTerminal));
  try {
    return await runPlanned(run, program, pipes);
  } finally {
    pipes.close();
  }
}

async function runPlanned(run: ConfinedRun, program: string, pipes: BwrapPipes): Promise<Ended> {
  const words = markedCommand(bwrapCommand(program, descriptors, run.command), true);
  const started = run.start(words, pipes.handedOn);
  const state = { isOver: false };
  const end = started.ended.finally(() => {
    state.isOver = true;
  });
  run.onStart((signal) => started.kill(signal));
  const inner = await pipes.innerProcess();
  if (inner !== undefined) {
    const refused = await noteRun(run.opened, inner);
    if (refused !== undefined) {
      started.kill("SIGKILL");
      await end;
      return { failed: refused };
    }
    run.onStart((signal) => signalCommand(inner, state, signal));
    pipes.begin();
  }
  const code = await end;
  return pipes.hasBegun() ? { code } : { failed: `bubblewrap ended with exit code ${code}` };
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

/** Milliseconds until the command, which was just begun, is there. */
const BEGINS = 5;

/** bubblewrap itself would end with all that is inside, and the command hear nothing. */
function signalCommand(inner: number, state: { isOver: boolean }, signal: NodeJS.Signals): void {
  if (state.isOver) return;
  const command = firstChild(inner);
  if (command) signalProcess(command, signal);
  else setTimeout(() => signalCommand(inner, state, signal), BEGINS);
}

/** Without a pty of its own, the run gets no terminal. */
export function startDetached(env: NodeJS.ProcessEnv): Start {
  return ([program = "", ...words], others) => {
    const stdio: StdioOptions = ["inherit", "inherit", "inherit", ...others];
    const child = spawn(program, words, { stdio, env, detached: true });
    const ended = new Promise<number>((resolve, reject) => {
      child.once("error", (error) => reject(cannot(`bubblewrap: ${error.message}`)));
      child.once("exit", (code, signal) =>
        resolve(signal === null ? (code ?? 1) : exitCodes.signal + system.signals[signal]),
      );
    });
    return { ended, kill: (signal) => child.kill(signal) };
  };
}
