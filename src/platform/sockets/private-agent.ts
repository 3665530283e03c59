/**
 * An ssh-agent that nobody else can reach: its socket loses its name as soon as it is there, and is connected
 * to through /proc/self/fd from then on. With protectProcess() other processes of the same user can't go that
 * way.
 *
 * Between the moment when ssh-agent binds its socket and the unlinking there are a few milliseconds in which
 * another process of the user could connect, and stay connected. The kernel's list of sockets would show that
 * connection; such an agent is not used.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmdirSync, unlinkSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { O_PATH } from "../libc/descriptors.ts";
import { connectionsTo } from "../proc/ssh-process.ts";

export interface PrivateAgent {
  name: string;
  connect(): Socket;
  close(): void;
}

/** @param folder a private one, where the socket has its name for a moment */
export async function startPrivateAgent(folder: string): Promise<PrivateAgent> {
  const home = mkdtempSync(join(folder, "agent-"));
  const path = join(home, "s");
  // ssh-agent ends when the command that it runs does, and this one ends with our end of its stdin: also
  // after kill -9
  const command = ["/bin/sh", "-c", 'echo "$SSH_AGENT_PID"; exec cat'];
  const child = spawn("ssh-agent", ["-a", path, ...command], { stdio: ["pipe", "pipe", "inherit"] });
  try {
    const pid = await firstNumber(child);
    const descriptor = openSync(path, O_PATH);
    unlinkSync(path);
    if (connectionsTo(path) > 0) {
      kill(pid);
      throw new Error(
        "another process connected to the private agent while it started; who watches your runtime folder?",
      );
    }
    const close = (): void => {
      kill(pid);
      child.stdin?.destroy();
      closeSync(descriptor);
    };
    child.unref();
    return { name: "the private agent", connect: () => connect(`/proc/self/fd/${descriptor}`), close };
  } catch (error) {
    child.stdin?.destroy();
    throw error;
  } finally {
    rmdirSync(home);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid);
  } catch {
    // it has ended already
  }
}

function firstNumber(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject(new Error(`ssh-agent did not start: ${error.message}`)));
    child.once("exit", () => reject(new Error("ssh-agent did not start")));
    child.stdout?.setEncoding("utf8").once("data", (text: string) => resolve(Number.parseInt(text, 10)));
  });
}
