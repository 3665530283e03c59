/**
 * What the ssh of a run with `--ride` runs where it does not know the way by itself
 * (bin/muxguard-ride-ssh.sh): asks the guard for a master, and prints what the shell should become. In a
 * sandbox without Unix sockets that is this program again, as the session's client. Not a command of
 * muxguard's own. An `ssh` that nobody lets pass ends with 255, as ssh does.
 */

import { dirname } from "node:path";
import { messageOf } from "../../errors.ts";
import { endOnFaults } from "../../faults.ts";
import { toStderr } from "../../to-stderr.ts";
import { attachRide } from "./client.ts";
import { OVER_FIFOS, rideOverFifos } from "./fifo/client.ts";
import { findSsh } from "./shims.ts";

const [, , socket = "", ...words] = process.argv;
endOnFaults("muxguard", 255);
if (socket === OVER_FIFOS) void ride(words);
else {
  process.stdout.on("error", () => process.exit(255)); // the shell reads it no more
  process.stderr.on("error", () => {});
  void main();
}

/** This is what the shell became: its streams are the session's. */
async function ride([folder = "", ...line]: string[]): Promise<void> {
  let code = 255;
  try {
    code = await rideOverFifos(folder, line);
  } catch (error) {
    toStderr(messageOf(error));
  }
  process.exit(code);
}

async function main(): Promise<void> {
  try {
    process.stdout.write(`${await attachRide(socket, realSsh(), words)}\n`);
  } catch (error) {
    toStderr(messageOf(error));
    process.exitCode = 255;
  }
}

function realSsh(): string {
  const found = findSsh(dirname(socket));
  if (found === undefined) throw new Error("muxguard: ssh: command not found");
  return found;
}
