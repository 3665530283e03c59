/** Reads keys from a terminal in raw mode. */
import type { ReadStream } from "node:tty";
import { type Key, KeyParser } from "../screen/keys.ts";

/** @param counts false for keys that came too early: they may have been meant for something else */
export type Heard = (keys: readonly Key[], counts: boolean) => void;

/**
 * What has been typed stays nowhere: it may be a secret.
 *
 * @param deafFor how long keys don't count, in milliseconds
 * @returns what ends it
 */
export function readKeys(input: ReadStream, deafFor: number, heard: Heard): () => void {
  const parser = new KeyParser();
  let counts = deafFor <= 0;
  let waiting: NodeJS.Timeout | undefined;
  // a process that was held up finds both the timer and old keys: those are read in between, and don't count
  const deaf = setTimeout(() => setImmediate(() => (counts = true)), deafFor);
  const silence = (): void => {
    const key = parser.silence();
    if (key) heard([key], counts);
  };
  const read = (bytes: Buffer): void => {
    clearTimeout(waiting);
    const keys = parser.feed(bytes);
    bytes.fill(0);
    const { patience } = parser;
    if (patience !== undefined) waiting = setTimeout(silence, patience);
    if (keys.length > 0) heard(keys, counts);
  };
  input.on("data", read);
  return () => {
    input.removeListener("data", read);
    clearTimeout(deaf);
    clearTimeout(waiting);
  };
}
