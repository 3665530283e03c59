/** What a master that was found says of itself, and what is known of it: where it leads, whose it is. */
import { attempt } from "../attempt.ts";
import type { Client } from "../guard/client.ts";
import type { Scope } from "../guard/decide/scope.ts";
import type { MuxSocket } from "../guard/mux/master-link.ts";
import type { Logins } from "../identity/logins.ts";
import { masterCommandLine } from "../identity/ssh/master-command-line.ts";
import type { PlainDestination } from "../identity/ssh/plain-destination.ts";
import { closeDescriptors } from "../platform/libc/descriptors.ts";
import { isProcess, type ProcessTable } from "../platform/proc/process.ts";
import { findNoSsh } from "../platform/proc/ssh-process.ts";
import { startedAt } from "../platform/proc/stat.ts";
import { ProcessGone } from "../platform/proc/table/open-stat.ts";
import type { Caller } from "../policy/request.ts";
import type { KnownMaster } from "./adoption.ts";
import type { OpenRequest } from "./open/opening.ts";
import type { GuardedMaster, Inside } from "./registry.ts";

const OF_A_RUN =
  "this connection was made inside of a muxguard run, which alone may use it; to go past it: ssh -S none";

export interface OriginParts {
  processes: ProcessTable;
  logins: Pick<Logins, "of" | "ofParent">;
  sshConfig: string | undefined;
  /** What an earlier guard may have written of it: shown, and believed in nothing. */
  claimOf(maker: Caller): PlainDestination | undefined;
}

/**
 * @throws ProcessGone if the master has ended, also while it was looked at: nothing is seen of it any more then, or
 * half of it. `ssh -f` ends right after it has made its socket.
 */
export function originOf(parts: OriginParts, pid: number, starter: number): KnownMaster {
  const { processes, logins, sshConfig, claimOf } = parts;
  const maker = processes.read(pid);
  const login = logins.of(maker) ?? logins.ofParent(starter, maker);
  const { plain = false, ...said } = masterCommandLine(maker.cmdline, sshConfig) ?? {};
  const destination = "host" in said ? said : claimOf(maker);
  const since = startedAt(login ?? maker);
  if (!isProcess(maker.pid, maker.startTime) || findNoSsh(maker.pid) !== undefined)
    throw new ProcessGone(`process ${maker.pid} has ended`);
  return { maker, since, origin: { ...(login && { login }), ...(destination && { destination }), plain } };
}

/**
 * The run that any of the processes is in; without an id unless all of them are in that one. One that has ended,
 * also while it was looked at, says nothing: it seems to carry any mark then.
 * @param around the run that a process is in
 */
export function runAround(
  pids: readonly number[],
  processes: ProcessTable,
  around: (caller: Caller) => Inside | undefined,
): Inside | undefined {
  const found = [...new Set(pids)].flatMap((pid) => attempt(() => processes.read(pid)) ?? []);
  const runs = found.flatMap((caller) => {
    const run = around(caller);
    const isEnded = run !== undefined && run.id === undefined && !isProcess(caller.pid, caller.startTime);
    return isEnded ? [] : [run];
  });
  if (runs.every((run) => run === undefined)) return undefined;
  const [first] = runs;
  if (runs.every((run) => run?.isOver)) return { isOver: true };
  return first?.id !== undefined && runs.every((run) => run?.id === first.id) ? first : {};
}

/** A master that was made inside of a run is there for that run, and for nobody else. */
export function within(inside: Inside | undefined, scope: Scope): Scope {
  const isAllowed = !inside || (inside.id !== undefined && scope.run?.id === inside.id);
  return isAllowed ? scope : { ...scope, refused: scope.refused ?? OF_A_RUN };
}

/**
 * Whether a client of such a master connects by itself if nobody answers: an ssh that is in another run, or in
 * none, and wants a session, forwards or `-W`. With `-O`, or another program, it would do something else than
 * it was told to. It is the client's own claim, which leads to nothing but a login of its own.
 */
export function goesByItself(client: Client, scopeOf: (caller: Caller) => Scope): boolean {
  const caller = attempt(() => client.identify());
  return (
    caller !== undefined &&
    masterCommandLine(caller.cmdline) !== undefined &&
    scopeOf(caller).refused === OF_A_RUN
  );
}

/**
 * As if there were no master: ssh makes a connection of its own, with a login of its own. Its greeting is
 * awaited, or a broken pipe would end it: muxclient() of mux.c comes before ssh ignores that.
 */
export function sendAway(socket: MuxSocket): void {
  const leave = (): void => socket.destroy();
  socket.listen({
    receive: (_, descriptors) => {
      closeDescriptors(descriptors);
      leave();
    },
    closed: leave,
  });
}

/**
 * True for a path that leads where the request wants to go, as far as that is known.
 * @throws Error for one that leads to another host, or is a run's
 */
export function isFor({ host, inside }: GuardedMaster, { destination }: OpenRequest, path: string): true {
  if (inside)
    throw new Error(
      `${path} leads to a connection of a muxguard run; say --control-path PATH, or end that run`,
    );
  if (host === undefined || host === destination.host) return true;
  throw new Error(
    `${path} leads to ${host} already; say --control-path PATH, or close that: muxguard close ${path}`,
  );
}
