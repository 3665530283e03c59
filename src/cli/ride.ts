/**
 * What the ssh of a run with `--ride` runs first: asks the guard for a master, and prints what the shell should become. Not a command of muxguard's own.
 * An `ssh` that nobody lets pass ends with 255, as ssh does.
 */
import { statSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { attachRide } from "../daemon/ride-client.ts";

const [, , socket = "", ...words] = process.argv;
const shims = join(dirname(socket), "bin");
process.exitCode = await ride();

async function ride(): Promise<number> {
  try {
    process.stdout.write(`${await attachRide(socket, realSsh(), words)}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 255;
  }
}

/** The first ssh in the PATH that is not the shim. */
function realSsh(): string {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== shims);
  const paths = [...folders, "/usr/bin"].map((folder) => join(folder, "ssh"));
  const found = paths.find((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
  if (found === undefined) throw new Error("muxguard: ssh: command not found");
  return found;
}
