/** A question of yes or no that OpenSSH puts to muxguard-askpass, decided like any other request. Who asks is the parent of muxguard-askpass. */
import { basename } from "node:path";
import { type Asker, type Broker, denialLine } from "../guard/broker.ts";
import type { Scope } from "../guard/scope.ts";
import type { ProcessTable } from "../platform/process.ts";
import { confirmRequest, type PromptHint } from "../policy/openssh-prompt.ts";
import type { Caller } from "../policy/request.ts";

interface Asking {
  /** Who asks, as it is now. Throws if it has ended. */
  read(): Caller;
  gone: AbortSignal;
}

/** What OpenSSH takes for a yes, with a hint or without. */
const YES = "yes";

export async function confirm(
  broker: Broker,
  { text, hint }: { text: string; hint: PromptHint },
  asking: Asking,
  scope: Scope,
): Promise<{ answer: string } | { denied: string }> {
  const asker = askerOf(asking, scope);
  const { caller } = asker;
  const request = confirmRequest(text, hint, basename(caller?.exe ?? caller?.name ?? "it"));
  const verdict = await broker.decide(request, asker, scope);
  return verdict.decision === "allow" ? { answer: YES } : { denied: denialLine(request, verdict) };
}

function askerOf({ read, gone }: Asking, { run }: Scope): Asker {
  const before = attempt(read);
  const caller = before && run ? { ...before, run: { name: run.name, pid: run.pid } } : before;
  const isUnchanged = (): boolean => {
    const now = attempt(read);
    return now !== undefined && now.startTime === before?.startTime && now.exe === before.exe;
  };
  return { caller, gone, tells: true, isUnchanged };
}

/** @throws Error if it has ended: muxguard-askpass is another's child then */
export function parentOf({ ancestors: [parent] }: Caller, processes: ProcessTable): Caller {
  if (!parent) throw new Error("the program that asks has no parent");
  return processes.read(parent.pid, parent.startTime);
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
