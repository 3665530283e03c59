/**
 * What the suite's ssh asks before it starts: whether there is a master for this command line. Prints its
 * control path, if it is one that the script knows nothing of.
 *
 * `client.js REGRESS FOLDER PLACE VARIANT WORD…`, with the folders of the suite and of this run of the script.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { inodeOf, isAdopted } from "../../../lab/masters.ts";
import { MUXGUARD } from "../../../lab/programs.ts";
import { readWords } from "../../../src/identity/ssh/words.ts";

/** Of a connection. What a session or a forward is, goes over it. */
const OF_CONNECTION = new Set("46BFIJPbcilmopC".split(""));

/** Settings of the suite that a connection is made by. */
const SETTINGS = /^(sshd?_(config|proxy)|authorized_keys|known_hosts)/;

const [regress = "", folder = "", place = "", variant = "", ...words] = process.argv.slice(2);
const given = readWords(["ssh", ...words]);
const settings = printed();

if (settings.controlmaster === "false" && given.destination !== undefined) {
  const { controlpath } = settings;
  if (controlpath !== undefined && controlpath !== "none") guard(controlpath);
  else if (place === "shared") ride();
}

/** As ssh itself reads the words: `ssh -G`. */
function printed(): Record<string, string> {
  const text = quietly("ssh", ["-G", ...words]) ?? "";
  return Object.fromEntries(text.split("\n").map((line) => line.split(/ (.*)/s) as [string, string]));
}

function ride(): void {
  const path = join(folder, "m", nameOf(connection()));
  const options = ["-S", path, "-oControlMaster=no"];
  const isThere = quietly("ssh", [...options, ...connection(), "-O", "check"]) !== undefined;
  if (!isThere && !open(path)) return; // the script's own ssh tells why
  if (guard(path)) process.stdout.write(path);
}

/** One master for each set of options, as long as the settings stay the same. */
function nameOf(options: readonly string[]): string {
  const hash = createHash("sha256").update(options.join("\0"));
  for (const name of readdirSync(regress).sort())
    if (SETTINGS.test(name)) hash.update(name).update(readFileSync(join(regress, name)));
  return hash.digest("hex").slice(0, 16);
}

function connection(): string[] {
  const options = given.options.filter(({ letter }) => OF_CONNECTION.has(letter));
  const line = options.map(({ letter, argument = "" }) => `-${letter}${argument}`);
  return [...line, given.destination ?? ""];
}

function open(path: string): boolean {
  const options = ["-M", "-S", path, "-N", "-f", "-oClearAllForwardings=yes"];
  return quietly("ssh", [...options, ...connection()]) !== undefined;
}

/** False where the guard does not take it over. */
function guard(path: string): boolean {
  if (variant === "bare" || inodeOf(path) === undefined) return true;
  if (!isAdopted(path) && quietly(process.execPath, [MUXGUARD, "adopt", path]) === undefined) return false;
  appendFileSync(join(folder, "guarded"), `${path}\n`);
  return true;
}

/** What it prints; undefined if it fails. */
function quietly(program: string, args: readonly string[]): string | undefined {
  try {
    return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    return undefined;
  }
}
