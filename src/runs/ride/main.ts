/**
 * What the ssh of a run with `--ride` runs first: asks the guard for a master, and prints what the shell
 * should become. Not a command of muxguard's own. An `ssh` that nobody lets pass ends with 255, as ssh does.
 */

import { dirname, join } from "node:path";
import { messageOf } from "../../errors.ts";
import { endOnFaults } from "../../faults.ts";
import { toStderr } from "../../to-stderr.ts";
import { attachRide } from "./client.ts";
import { findProgram, isProgram, movedSsh } from "./shims.ts";

const [, , socket = "", ...words] = process.argv;
const shims = join(dirname(socket), "bin");
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

/** The first ssh in the PATH that is not the shim. In a confined run that is the shim too, wherever ssh was. */
function realSsh(): string {
  const moved = movedSsh(dirname(socket));
  if (isProgram(moved)) return moved;
  const found = findProgram("ssh", shims);
  if (found === undefined) throw new Error("muxguard: ssh: command not found");
  return found;
}
