/** The run's side of a ride: from a command line of ssh to the command line of a mux client. */

import { dirname } from "node:path";
import { holdForwardsProgram, rideProgram } from "../../installation.ts";
import { connectRpc } from "../../rpc/connecting.ts";
import { checkedReport, checkedWay } from "../../rpc/quick-checks.ts";
import type { RideRequest, Way } from "../../rpc/requests.ts";
import { toStderr } from "../../to-stderr.ts";
import { type Ride, rideCommand } from "./command.ts";
import { areServed, OVER_FIFOS } from "./fifo/client.ts";
import { fifoSession } from "./fifo/session.ts";
import { quoted } from "./shims.ts";

/**
 * @param ssh the real one
 * @param words of the command line, without the program's name
 * @returns a command for the shell
 * @throws Error with a line for stderr
 */
export async function attachRide(socket: string, ssh: string, words: readonly string[]): Promise<string> {
  const command = rideCommand(["ssh", ...words]);
  if (command.kind === "local") return shellCommand([ssh, ...words]);
  if (command.kind === "refused") throw new Error(`muxguard: denied: ${command.reason}`);
  if (words.includes("-v") && command.dropped.length > 0)
    toStderr(`muxguard: not taken from inside a run: ${command.dropped.join(", ")}`);
  const way = await askForWay(socket, command);
  if (way === "unreachable") return shellCommand(overFifos(dirname(socket), words, command));
  const { path, sshConfig } = way;
  const fixed = [...(sshConfig === undefined ? [] : ["-F", sshConfig]), ...clientOptions(path)];
  const client = [ssh, ...fixed, ...command.clientArguments];
  if (!command.noSession) return shellCommand(client);
  // a mux client with -N would open a login shell
  const forward = [ssh, ...fixed, "-O", "forward", ...command.clientArguments];
  if (isForBackground(command)) return shellCommand(forward);
  return shellCommand([process.execPath, holdForwardsProgram(), path, `${fixed.length + 2}`, ...forward]);
}

/** Where no socket can be used: in a sandbox, or when the run is over. @throws Error with a line for stderr */
function overFifos(folder: string, words: readonly string[], command: Ride): string[] {
  if (!areServed(folder)) throw new Error("muxguard: denied: the run has ended");
  fifoSession(words, command, process.env); // says now what can't be done
  return [process.execPath, rideProgram(), OVER_FIFOS, folder, ...words];
}

/** The shell becomes the program. */
function shellCommand(words: readonly string[]): string {
  return `exec ${words.map(quoted).join(" ")}`;
}

/** The forwards are the shared connection's, and end with it. */
function isForBackground({ clientArguments }: Ride): boolean {
  const options = clientArguments.slice(0, clientArguments.indexOf("--"));
  return options.some((word) => word === "-f" || /^ForkAfterAuthentication=yes$/i.test(word));
}

/** Nothing but the shared connection: where that is gone, ssh would make one of its own. */
function clientOptions(path: string): string[] {
  // keeps ssh's stream open until the line is written: ssh ends the program as soon as that is closed
  const gone = `sh -c 'echo "muxguard: the shared connection is gone; try again" >&2'`;
  return ["-S", path.replaceAll("%", "%%"), "-o", "ControlMaster=no", "-o", `ProxyCommand=${gone}`];
}

/** What the guard may send for one way, in bytes. */
const MAX_RECEIVED = 1024 * 1024;

async function askForWay(socket: string, { destination, ...ride }: Ride): Promise<Way | "unreachable"> {
  const connection = await connectRpc(socket, { most: MAX_RECEIVED });
  if (!connection) return "unreachable";
  connection.onNotification("report", checkedReport, ({ line }) => {
    if (process.stderr.isTTY) toStderr(line);
  });
  try {
    return await connection.request("ride", { destination, purpose: purposeOf(ride) }, checkedWay);
  } finally {
    connection.end();
  }
}

/**
 * What the session will be for, so that the question can say so. A claim: the session itself is decided when
 * it comes.
 */
function purposeOf({ clientArguments }: Pick<Ride, "clientArguments">): RideRequest["purpose"] {
  const end = clientArguments.indexOf("--");
  const options = clientArguments.slice(0, end);
  const command = clientArguments.slice(end + 2).join(" ");
  const target = options.indexOf("-W");
  const connect = target < 0 ? undefined : options[target + 1];
  if (connect !== undefined) return { forward: { kind: "stdio", connect } };
  return options.includes("-s") ? { subsystem: command } : { command };
}
