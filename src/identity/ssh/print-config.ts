/**
 * Runs `ssh -G`, which prints the configuration for a destination and connects to nothing.
 *
 * The destination is mostly what a caller typed, and a `Match exec` of the user's may put it into a shell
 * command. So it has to be plain: see plain-words.ts. ssh itself is run without a shell.
 *
 * Limits: 5 seconds by default, and 256 KiB of output. What ssh has started ends with it.
 */
import { outputOf } from "../output-of.ts";
import { destinationOptions, type PlainDestination } from "./plain-destination.ts";

/** Stands for no host in particular, to learn what holds for all of them. It can't exist: RFC 2606 §2. */
export const NO_HOST = "muxguard.invalid";

export interface PrintOptions {
  /** For `ssh -F`, which then reads no other file. */
  file?: string | undefined;
  /** In milliseconds. */
  timeout: number;
}

/**
 * What ssh prints. Never rejects.
 * @param to as isPlainDestination() has it
 * @returns undefined if ssh fails, prints too much or takes too long
 */
export function printConfig(
  to: PlainDestination,
  { file, timeout }: PrintOptions,
): Promise<string | undefined> {
  return outputOf("ssh", sshArguments(to, file), timeout);
}

function sshArguments(to: PlainDestination, file: string | undefined): string[] {
  const { host } = to;
  const from = file === undefined ? [] : ["-F", file];
  // ssh would ask the DNS for a name that isn't there
  const asIs = host === NO_HOST ? ["-o", "CanonicalizeHostname=no"] : [];
  return ["-G", ...from, ...asIs, ...destinationOptions(to), "--", host];
}
