/** What a program prints, within bounds: it is run without a shell, and what it has started ends with it. */
import { type ChildProcess, spawn } from "node:child_process";

const MAX_OUTPUT = 256 * 1024;

/**
 * Its standard output, if it ends with 0. Never rejects.
 * @param timeout in milliseconds
 * @returns undefined if it fails, prints too much or takes too long
 */
export function outputOf(program: string, args: string[], timeout: number): Promise<string | undefined> {
  // no descriptors or no memory left: then spawn throws
  return run(program, args, timeout).catch(() => undefined);
}

function run(program: string, args: string[], timeout: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    // a process group of its own, so that the commands of a `Match exec` end with it
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"], detached: true });
    const chunks: Buffer[] = [];
    let length = 0;
    const settle = (output?: string): void => {
      clearTimeout(timer);
      resolve(output);
    };
    const giveUp = (): void => {
      killGroup(child);
      settle();
    };
    const timer = setTimeout(giveUp, timeout);
    child.on("error", () => settle());
    child.on("close", (code) => settle(code === 0 ? Buffer.concat(chunks).toString("utf8") : undefined));
    child.stdout.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > MAX_OUTPUT) giveUp();
    });
  });
}

/**
 * While it was not waited for, its number is that of its group and of no other. ssh waits for the commands of
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
