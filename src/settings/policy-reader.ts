/**
 * What some files say, as they are now. They are looked at with each request, so a change counts from the
 * next one on. While they are read, all requests wait for the same reading: none is decided by what stood
 * there before the change.
 */
import { messageOf } from "../errors.ts";
import { emptyPolicy, type Policy } from "../policy/policy.ts";

export interface WatchedPolicy {
  /** Reads it for the first time, or again. @throws SettingsError */
  load(): Promise<void>;
  /**
   * A file that can't be used keeps the old policy in force, and is told of once.
   * @throws Error if the files can't be looked at, or don't come to rest
   */
  current(): Policy | Promise<Policy>;
}

export interface PolicyReaderParts {
  /** Changes whenever one of the files does. */
  stamp(): string;
  read(): Promise<Policy>;
  report(line: string): void;
}

/** How often the files may change while they are read. */
const MAX_READS = 20;

export function watchPolicy({ stamp, read, report }: PolicyReaderParts): WatchedPolicy {
  let known = { policy: emptyPolicy, stamp: "" };
  let reading: Promise<Policy> | undefined;

  const load = async (): Promise<void> => {
    const before = stamp();
    known = { policy: await read(), stamp: before };
  };

  /** What changes during the reading is read again: the request that came in between may rely on it. */
  const refresh = async (): Promise<Policy> => {
    for (let reads = 0; reads < MAX_READS; reads++) {
      const before = stamp();
      if (before === known.stamp) return known.policy;
      try {
        known = { policy: await read(), stamp: before };
      } catch (error) {
        if (stamp() !== before) continue; // it is being written
        known = { policy: known.policy, stamp: before };
        report(`muxguard: the policy stays as it was: ${messageOf(error)}`);
      }
    }
    throw new Error("the files of the policy change all the time; nothing is decided before they rest");
  };

  const current = (): Policy | Promise<Policy> => {
    if (!reading && stamp() === known.stamp) return known.policy;
    reading ??= refresh().finally(() => {
      reading = undefined;
    });
    return reading;
  };

  return { load, current };
}
