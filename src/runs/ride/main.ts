/**
 * What the ssh of a run with `--ride` runs where it does not know the way by itself
 * (bin/muxguard-ride-ssh.sh): asks the guard for a master, and prints what the shell
 * should become. Not a command of muxguard's own. An `ssh` that nobody lets pass ends with 255, as ssh does.
 */

import { dirname } from "node:path";
import { messageOf } from "../../errors.ts";
import { endOnFaults } from "../../faults.ts";
import { toStderr } from "../../to-stderr.ts";
import { attachRide } from "./client.ts";
import { findSsh } from "./shims.ts";

const [, , socket = "", ...words] = process.argv;
process.stdout.on("error", () => process.exit(255)); // the shell reads it no more
process.stderr.on("error", () => {});
endOnFaults("muxguard", 255);
void main();

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
