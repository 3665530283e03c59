/** Keys, and OpenSSH's own agent that holds them. */
import { type ChildProcess, execFile, execFileSync, type SpawnOptions } from "node:child_process";
import { promisify } from "node:util";
import { firstWords, type Start } from "./processes.ts";

/** Makes a key pair; the public key's file ends with `.pub`. @param options of ssh-keygen, such as a type */
export function makeKey(path: string, comment: string, ...options: string[]): void {
  execFileSync("ssh-keygen", keygenWords(path, comment, options), { stdio: "pipe" });
}

/** The same, while this process can still hear a signal. */
export async function createKey(path: string, comment: string): Promise<void> {
  await promisify(execFile)("ssh-keygen", keygenWords(path, comment, []));
}

function keygenWords(path: string, comment: string, options: string[]): string[] {
  const type = options.includes("-t") ? [] : ["-t", "ed25519"];
  return ["-q", "-N", "", "-C", comment, "-f", path, ...type, ...options];
}

/** Starts an agent that stays a child. Resolves once it listens at the socket. */
export async function startAgent(
  start: Start,
  socket: string,
  options: SpawnOptions = {},
): Promise<ChildProcess> {
  const agent = start("ssh-agent", ["-D", "-a", socket], {
    stdio: ["ignore", "pipe", "inherit"],
    ...options,
  });
  await firstWords(agent); // it tells of its socket once it listens
  return agent;
}

/** @param options of ssh-add, and private keys */
export function addKeys(socket: string, ...options: string[]): void {
  const env = { ...process.env, SSH_AUTH_SOCK: socket };
  execFileSync("ssh-add", ["-q", ...options], { env, stdio: "pipe" });
}
