/**
 * What some files say, as they are now. They are looked at with each request, so a change counts from the
 * next one on. While they are read, all requests wait for the same reading: none is decided by what stood
 * there before the change.
 *
 * Files that can't be used leave the old policy in force. After a while what that one allows is asked.
 */
import { messageOf } from "../errors.ts";
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

export interface PolicyReaderParts {
  /** Changes whenever one of the files does. */
  stamp(): string;
  read(): Promise<Policy>;
  /** For how long the old policy allows what it allowed, in milliseconds, as of now. */
  asksAfter: () => number;
  /** A clock in milliseconds that nobody can set. */
  now?: () => number;
}

/** How often the files may change while they are read. */
const MAX_READS = 20;

export function watchPolicy(parts: PolicyReaderParts): WatchedPolicy {
  const { stamp, read, asksAfter, now = () => performance.now() } = parts;
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

  const load = async (): Promise<void> => {
    const before = stamp();
    known = { policy: await read(), stamp: before };
    notice(undefined);
  };

  const inForce = (): Policy =>
    broken && now() - broken.at >= asksAfter() ? { ...known.policy, isBroken: true } : known.policy;

  /** What changes during the reading is read again: the request that came in between may rely on it. */
  const refresh = async (): Promise<Policy> => {
    for (let reads = 0; reads < MAX_READS; reads++) {
      const before = stamp();
      if (before === known.stamp) return inForce();
      try {
        known = { policy: await read(), stamp: before };
        notice(undefined);
      } catch (error) {
        if (stamp() !== before) continue; // it is being written
        known = { policy: known.policy, stamp: before };
        notice(messageOf(error));
      }
    }
    throw new Error("the files of the policy change all the time; nothing is decided before they rest");
  };

  const current = (): Policy | Promise<Policy> => {
    if (!reading && stamp() === known.stamp) return inForce();
    reading ??= refresh().finally(() => {
      reading = undefined;
    });
    return reading;
  };

  const listen = (told: typeof tell): void => {
    tell = told;
  };
  return { load, current, broken: () => broken, listen };
}
