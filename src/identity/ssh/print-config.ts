/**
 * Runs `ssh -G`, which prints the configuration for a destination and connects to nothing.
 *
 * The destination is mostly what a caller typed, and a `Match exec` of the user's may put it into a shell
 * command. So it has to be plain: see plain-words.ts. ssh itself is run without a shell.
 *
 * Limits: 5 seconds by default, and 256 KiB of output. What ssh has started ends with it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { destinationOptions, type PlainDestination } from "./plain-destination.ts";

/** Stands for no host in particular, to learn what holds for all of them. It can't exist: RFC 2606 §2. */
export const NO_HOST = "muxguard.invalid";

const MAX_OUTPUT = 256 * 1024;

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
  // no descriptors or no memory left: then spawn throws
  return run(sshArguments(to, file), timeout).catch(() => undefined);
}

function sshArguments(to: PlainDestination, file: string | undefined): string[] {
  const { host } = to;
  const from = file === undefined ? [] : ["-F", file];
  // ssh would ask the DNS for a name that isn't there
  const asIs = host === NO_HOST ? ["-o", "CanonicalizeHostname=no"] : [];
  return ["-G", ...from, ...asIs, ...destinationOptions(to), "--", host];
}

function run(args: string[], timeout: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    // a process group of its own, so that the commands of a `Match exec` end with it
    const ssh = spawn("ssh", args, { stdio: ["ignore", "pipe", "ignore"], detached: true });
    const chunks: Buffer[] = [];
    let length = 0;
    const settle = (output?: string): void => {
      clearTimeout(timer);
      resolve(output);
    };
    const giveUp = (): void => {
      killGroup(ssh);
      settle();
    };
    const timer = setTimeout(giveUp, timeout);
    ssh.on("error", () => settle());
    ssh.on("close", (code) => settle(code === 0 ? Buffer.concat(chunks).toString("utf8") : undefined));
    ssh.stdout.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > MAX_OUTPUT) giveUp();
    });
  });
}

/**
 * While ssh was not waited for, its number is that of its group and of no other. ssh waits for the commands of
 * a `Match exec`, so none is left once it has ended.
 */
function killGroup(child: ChildProcess): void {
  child.stdout?.destroy();
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // all of it has just ended
  }
}
