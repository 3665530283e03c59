/**
 * What some files say, as they are now. They are looked at with each request, so a change counts from the
 * next one on. While they are written and read, all requests wait for the same reading: none is decided by what
 * stood there before the change, nor by half of what comes.
 *
 * Files that can't be used leave the old policy in force. After a while what that one allows is asked.
 */
import { isShortage, messageOf } from "../errors.ts";
import { type Looks, type RestEdges, readAtRest } from "../platform/files/at-rest.ts";
import { type BrokenPolicy, emptyPolicy, type Policy } from "../policy/policy.ts";

export interface WatchedPolicy {
  /** Reads it for the first time, or again. @throws SettingsError */
  load(): Promise<void>;
  /** @throws Error if the files can't be looked at, or don't come to rest */
  current(): Policy | Promise<Policy>;
  /** Why the files can't be used; undefined where they can. As of the last look. */
  broken(): BrokenPolicy | undefined;
  /** Calls it with each mistake once, and with undefined when all is well again. */
  listen(told: (broken: BrokenPolicy | undefined) => void): void;
}

/** As UntouchedFiles of platform/files has it, which loads libc. */
export interface Untouched {
  areUntouched(): boolean;
  watch(areKnown: () => boolean): void;
  close(): void;
}

export interface PolicyReaderParts {
  files: Looks;
  read(): Promise<Policy>;
  /** Tells without a look at them that they are the same, where that is sure. */
  untouched?: Untouched | undefined;
  /** For how long the old policy allows what it allowed, in milliseconds, as of now. */
  asksAfter: () => number;
  /** A clock in milliseconds that nobody can set. */
  now?: () => number;
  /** Handed in by tests. */
  edges?: RestEdges;
}

export function watchPolicy(parts: PolicyReaderParts): WatchedPolicy {
  const { files, read, untouched, asksAfter, now = () => performance.now(), edges } = parts;
  let known = { policy: emptyPolicy, stamp: "" };
  let reading: Promise<Policy> | undefined;
  let broken: (BrokenPolicy & { at: number }) | undefined;
  let tell = (_: BrokenPolicy | undefined): void => {};

  /** @param reason undefined for files that can be used */
  const notice = (reason: string | undefined): void => {
    if (reason === broken?.reason) return;
    const since = new Date();
    const first = broken ?? { since, at: now(), asksFrom: new Date(since.getTime() + asksAfter()) };
    broken = reason === undefined ? undefined : { ...first, reason };
    tell(broken);
  };

  /** @returns why they can't be used */
  const readFiles = async (): Promise<Error | undefined> => {
    const { found, stamp } = await readAtRest(files, () => read().catch(asFault), edges, known.stamp);
    const fault = found instanceof Error ? found : undefined;
    known = { policy: found instanceof Error ? known.policy : found, stamp };
    notice(fault && messageOf(fault));
    return fault;
  };

  const load = async (): Promise<void> => {
    const fault = await readFiles();
    if (fault) throw fault;
  };

  const inForce = (): Policy =>
    broken && now() - broken.at >= asksAfter() ? { ...known.policy, isBroken: true } : known.policy;

  const areKnown = (): boolean => files.stamp() === known.stamp;

  const current = (): Policy | Promise<Policy> => {
    if (!reading && untouched?.areUntouched()) return inForce();
    if (!reading && areKnown()) {
      untouched?.watch(areKnown);
      return inForce();
    }
    reading ??= readFiles()
      .then(inForce)
      .finally(() => {
        reading = undefined;
      });
    return reading;
  };

  const listen = (told: typeof tell): void => {
    tell = told;
  };
  return { load, current, broken: () => broken, listen };
}

/** A mistake in the files stays until they change. That there was no descriptor to read them does not. */
function asFault(error: unknown): Error {
  if (error instanceof Error && !isShortage(error)) return error;
  throw error;
}
