/**
 * An ssh-agent that nobody else can reach. Its socket loses its name as soon as it is there, and is connected
 * to through /proc/self/fd from then on. Other processes of the same user can't go that way after
 * protectProcess().
 *
 * Limits: between the moment when ssh-agent binds its socket and the unlinking there are a few milliseconds.
 * Another process of the user could connect then, and stay connected. The kernel's list of sockets shows that
 * connection, and such an agent is not used. The list shows neither a connection that comes from another network
 * namespace nor an O_PATH descriptor of the socket, which may be connected to later. A confined run has neither:
 * the folder is not there.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, unlinkSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { attempt } from "../../attempt.ts";
import type { ProcessId } from "../../policy/request.ts";
import { O_PATH } from "../libc/descriptors.ts";
import { signalProcess } from "../proc/signal.ts";
import { parseStat } from "../proc/stat.ts";
import { connectionsTo } from "./holders.ts";

export interface PrivateAgent {
  /** For errors and `muxguard status`. */
  name: string;
  /** Of its socket, for this process alone. */
  path: string;
  connect(): Socket;
  close(): void;
}

/**
 * ssh-agent becomes a child of the command that it is given, and looks every 10 seconds whether that is still
 * there (check_parent_exists() of ssh-agent.c). This one ends with our end of its stdin, so after a kill -9
 * of ours as well.
 */
const COMMAND = ["/bin/sh", "-c", 'echo "$SSH_AGENT_PID"; exec cat'];

/**
 * @param folder a private one, where the socket has its name for a moment
 * @throws Error if ssh-agent does not start, or somebody else connected to it
 */
export async function startPrivateAgent(folder: string): Promise<PrivateAgent> {
  const home = mkdtempSync(join(folder, "agent-"));
  const path = join(home, "s");
  const command = spawn("ssh-agent", ["-a", path, ...COMMAND], { stdio: ["pipe", "pipe", "inherit"] });
  let agent: ProcessId | undefined;
  const end = (): void => {
    command.stdin?.destroy();
    // at once, and not when it looks the next time
    if (agent) signalProcess(agent, "SIGTERM");
  };
  try {
    agent = identify(await firstNumber(command), command);
    const descriptor = openSync(path, O_PATH);
    unlinkSync(path);
    if (connectionsTo(path) > 0) {
      closeSync(descriptor);
      throw new Error(
        "another process connected to the private agent while it started; who watches your runtime folder?",
      );
    }
    command.unref();
    const own = `/proc/self/fd/${descriptor}`;
    return {
      name: "the private agent",
      path: own,
      connect: () => connect(own),
      close: () => {
        end();
        closeSync(descriptor);
      },
    };
  } catch (error) {
    end();
    throw error;
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/**
 * The agent, if the pid means the child of its command. Undefined where /proc doesn't show it (hidepid): then
 * it ends only when it looks for its command.
 */
function identify(pid: number, command: ChildProcess): ProcessId | undefined {
  const stat = attempt(() => parseStat(readFileSync(`/proc/${pid}/stat`, "latin1")));
  return stat && stat.parent === command.pid ? { pid, startTime: stat.startTime } : undefined;
}

function firstNumber(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject(new Error(`ssh-agent did not start: ${error.message}`)));
    child.once("exit", () => reject(new Error("ssh-agent did not start")));
    child.stdout?.setEncoding("utf8").once("data", (text: string) => resolve(Number.parseInt(text, 10)));
  });
}
