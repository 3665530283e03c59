/**
 * What leads the ssh of a run to the guard's agent, whatever ssh_config says: `-o IdentityAgent` on the command
 * line wins over it, as the first mention does. A run finds these programs first in its PATH, and in the
 * variables by which others find their ssh.
 *
 * Limits: an ssh that is called by its full path is not led, nor one behind a PATH that was made anew. See
 * ../unguarded, which tells of those.
 */
import { existsSync, mkdirSync, realpathSync, statSync, writeFileSync } from "node:fs";
import { basename, delimiter, dirname, join, resolve } from "node:path";
import { attempt } from "../../attempt.ts";
import { quoted } from "../ride/shims.ts";

/** The name of the folder with the programs: a run inside of another passes over the outer one's. */
const FOLDER = "muxguard-ssh";

/** Command lines, and programs, by which others find their ssh. */
const commandLines = ["GIT_SSH_COMMAND", "RSYNC_RSH", "SVN_SSH", "BORG_RSH"];
const programs = ["GIT_SSH", "CVS_RSH", "ANSIBLE_SSH_EXECUTABLE", "AUTOSSH_PATH"];

export interface Leading {
  /** The run's own. */
  folder: string;
  agentSocket: string;
  /** That the run's command would have. */
  environment: NodeJS.ProcessEnv;
  /**
   * Whether the ssh that ssh makes for a jump host has to be led as well. It calls that by the name that it
   * was called by itself, so the shim hands on the name "ssh", which sh can't.
   */
  jumps: boolean;
}

/** @returns the variables that lead there; none where there is no ssh, and inside of a ride */
export function leadSsh({ folder, agentSocket, environment, jumps }: Leading): NodeJS.ProcessEnv {
  const { PATH: path = "/usr/bin:/bin" } = environment;
  const option = identityAgentOption(agentSocket);
  const real = findProgram("ssh", path);
  if (option === undefined || real === undefined || isOfRide(real)) return {};
  const bin = join(folder, FOLDER);
  const ssh = join(bin, "ssh");
  mkdirSync(bin, { mode: 0o700 });
  writeSsh(ssh, real, option, jumps);
  for (const name of ["scp", "sftp"]) {
    const program = findProgram(name, path);
    // an -S of the caller's own comes later, and is the one that counts
    if (program !== undefined) writeShim(join(bin, name), `exec ${quoted(program)} -S ${quoted(ssh)} "$@"`);
  }
  const led = { shim: ssh, real, option };
  return { PATH: `${bin}${delimiter}${path}`, ...ledVariables(environment, led) };
}

function writeSsh(path: string, real: string, option: string, jumps: boolean): void {
  const words = `${quoted(real)} -o ${quoted(option)} "$@"`;
  // -p: it reads no file of BASH_ENV, and takes no functions from the environment
  if (jumps && existsSync("/bin/bash")) writeShim(path, `exec -a ssh ${words}`, "/bin/bash -p");
  else writeShim(path, `exec ${words}`);
}

/** The shell becomes the program: one process, which the guard sees asking. */
function writeShim(path: string, text: string, shell = "/bin/sh"): void {
  writeFileSync(path, `#!${shell}\n${text}\n`, { mode: 0o700 });
}

/**
 * As a word behind `-o`.
 * @returns undefined for a path that ssh would read as something else
 */
export function identityAgentOption(socket: string): string | undefined {
  if (/["'\\$\n]/.test(socket)) return undefined;
  const path = socket.replaceAll("%", "%%");
  return `IdentityAgent=${/[\s#]/.test(path) ? `"${path}"` : path}`;
}

interface Led {
  shim: string;
  /** What the shim becomes. */
  real: string;
  option: string;
}

/**
 * What was set keeps its options. git and rsync get the shim by a variable, too: a login shell may set PATH
 * anew. GIT_SSH gives way to core.sshCommand, as GIT_SSH_COMMAND would not.
 */
function ledVariables(environment: NodeJS.ProcessEnv, led: Led): NodeJS.ProcessEnv {
  const variables: NodeJS.ProcessEnv = { GIT_SSH: led.shim, RSYNC_RSH: word(led.shim) };
  for (const name of programs) {
    const program = environment[name];
    if (program) variables[name] = isSame(program, led.real) ? led.shim : program;
  }
  for (const name of [...commandLines, ...gitSettings(environment)]) {
    const line = environment[name];
    if (line) variables[name] = leadLine(line, led);
  }
  return variables;
}

/** `git -c core.sshCommand=…` as variables: git-config(1). A file of git's is not led: see ../unguarded. */
function gitSettings(environment: NodeJS.ProcessEnv): string[] {
  const numbers = Object.entries(environment).flatMap(([name, key]) => {
    const [, number] = /^GIT_CONFIG_KEY_(\d+)$/.exec(name) ?? [];
    return number !== undefined && key?.toLowerCase() === "core.sshcommand" ? number : [];
  });
  return numbers.map((number) => `GIT_CONFIG_VALUE_${number}`);
}

/** `/usr/bin/ssh -i key`, also behind assignments; in quotes too. What has no slash in it, PATH leads. */
const sshWord = /(?<=^|\s)(?:'(\/[^']*\/ssh)'|"(\/[^"\\$`]*\/ssh)"|(\/[^\s'"\\$`;|&<>()]*\/ssh))(?=\s|$)/;

export function leadLine(line: string, { shim, real, option }: Led): string {
  return line.replace(sshWord, (found, single?: string, double?: string, bare?: string) => {
    const program = single ?? double ?? bare ?? "";
    return isSame(program, real) ? word(shim) : `${found} -o ${word(option)}`;
  });
}

/** Whether it is the ssh that the shim becomes; or the shim of a run around this one, which would not. */
function isSame(program: string, real: string): boolean {
  if (isShim(program)) return true;
  return program === real || attempt(() => realpathSync(program) === realpathSync(real)) === true;
}

function word(text: string): string {
  return /^[\w/.=:@%+,-]+$/.test(text) ? text : quoted(text);
}

function findProgram(name: string, path: string): string | undefined {
  const paths = path.split(delimiter).map((folder) => resolve(folder, name));
  return paths.find((program) => !isShim(program) && isProgram(program));
}

function isShim(program: string): boolean {
  return basename(dirname(program)) === FOLDER;
}

/** Its ssh has no agent to be led to. */
function isOfRide(program: string): boolean {
  return existsSync(join(dirname(dirname(program)), "ride.sock"));
}

function isProgram(path: string): boolean {
  return attempt(() => statSync(path))?.isFile() === true;
}
