/** `muxguard run --confine`: the command in namespaces of its own, made by bubblewrap. */
import { messageOf } from "../../errors.ts";
import { bwrapArguments, bwrapCommand, findBwrap, mendOf } from "../../platform/confine/bwrap.ts";
import { inheritNone, leadsOut } from "../../platform/confine/descriptors.ts";
import { BwrapPipes } from "../../platform/confine/pipes.ts";
import { leaveSessionKeyring } from "../../platform/libc/keyring.ts";
import { hasFirstChildStopped, signalFirstChild } from "../../platform/proc/signal.ts";
import { spared } from "../../platform/pty/spared.ts";
import { visible } from "../../policy/visible.ts";
import { notToldToday } from "../../runs/unguarded/told.ts";
import { toStderr } from "../../to-stderr.ts";
import { CliError, exitCodes } from "../cli-error.ts";
import type { Ahead } from "./confined-ahead.ts";
import { type Confining, planRun, preparePlaces, sshPrograms } from "./confined-facts.ts";
import type { OpenRun } from "./request.ts";
import { FIRST_DESCRIPTOR, type RunTerminal } from "./run-terminal.ts";

export interface ConfinedRun extends Confining {
  opened: OpenRun;
  /** Begun when the guard was being opened, and closed after the run. */
  ahead: Ahead;
  command: readonly string[];
  /** That the command gets. */
  environment: NodeJS.ProcessEnv;
  terminal: RunTerminal;
}

/** As they are handed on. */
const descriptors = {
  arguments: FIRST_DESCRIPTOR,
  status: FIRST_DESCRIPTOR + 1,
  begin: FIRST_DESCRIPTOR + 2,
};

/** Returns the exit code. @throws CliError where it can't be confined: nothing was started then */
export async function runConfined(run: ConfinedRun): Promise<number> {
  const program = findBwrap();
  const reason = leadsOut();
  if (reason !== undefined)
    throw new CliError(`this run can't be confined: ${reason}`, exitCodes.notExecutable);
  if (program === undefined) throw cannot("bubblewrap makes it");
  inheritNone();
  leaveSessionKeyring();
  preparePlaces(run.opened);
  let ended = await runOnce(run, program);
  // something may have gone while it was looked at
  if ("failed" in ended) ended = await runOnce(run, program);
  if ("failed" in ended) throw cannot(ended.failed);
  return ended.code;
}

function cannot(why: string): CliError {
  const mend = mendOf();
  const text = `this run can't be confined: ${why}${mend === undefined ? "" : `; ${mend}`}`;
  return new CliError(`${text}; --no-confine starts it without`, exitCodes.notExecutable);
}

type Ended = { code: number } | { failed: string };

async function runOnce(run: ConfinedRun, program: string): Promise<Ended> {
  const { plan, loose } = planRun(run, run.ahead.takeSeen());
  const ways = loose.map((text) => ({ id: `loose ${text}`, text }));
  for (const { text } of notToldToday(run.paths.told, ways)) toStderr(`muxguard: not held: ${visible(text)}`);
  const pipes = new BwrapPipes(run.opened.folder, bwrapArguments(plan, descriptors, run.terminal.isPrivate));
  try {
    return await runPlanned(run, program, pipes);
  } finally {
    pipes.close();
  }
}

async function runPlanned(run: ConfinedRun, program: string, pipes: BwrapPipes): Promise<Ended> {
  const { terminal, opened } = run;
  const { words, environment } = confinedCommand(run, program);
  const started = terminal.startConfined(words, environment, pipes.handedOn);
  const state = { isOver: false };
  const end = started.ended.finally(() => {
    state.isOver = true;
  });
  const inner = await Promise.race([pipes.innerProcess(), end.then(() => undefined)]);
  const refused = inner === undefined ? undefined : await noteRun(opened, inner);
  if (inner !== undefined && refused === undefined) {
    terminal.sendTo((signal) => signalCommand(inner, state, signal));
    terminal.lookForStops({
      // with bubblewrap itself, the monitor is told
      hasStopped: () => !state.isOver && hasFirstChildStopped(inner),
      goOn: () => !state.isOver && signalFirstChild(inner, "SIGCONT"),
    });
    pipes.begin();
  } else terminal.kill("SIGKILL");
  const code = await end;
  if (pipes.hasBegun()) return { code };
  await started.end();
  return { failed: refused ?? `bubblewrap ended with exit code ${code}` };
}

/**
 * A terminal of its own sends its signals to bubblewrap, too, which would end with all that is inside, or stop
 * before the command has given the screen back. It begins with them ignored, and the command does not. A shell
 * inside begins the command, and passes on what a shell would keep.
 */
function confinedCommand({ terminal, command, environment }: ConfinedRun, program: string) {
  const heard = ["/usr/bin/env", "--default-signal=INT,QUIT,HUP,TSTP", "--"];
  const begun = spared(terminal.isPrivate ? [...heard, ...command] : command, environment);
  return {
    words: bwrapCommand(program, descriptors, begun.words),
    environment: begun.environment,
  };
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
  if (state.isOver || signalFirstChild(inner, signal)) return;
  setTimeout(() => signalCommand(inner, state, signal), BEGINS);
}
