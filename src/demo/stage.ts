/**
 * What the demo plays on: a folder of its own with settings, servers, a key and an agent. Nothing outside of
 * it is read or written, and nothing is left of it, whatever happens in between.
 */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasCode } from "../errors.ts";
import { startServer } from "./server.ts";

export interface DemoHost {
  name: string;
  /** What its server answers to every command. */
  answer: string;
}

export interface Stage {
  folder: string;
  /** For commands that are to use the stage's settings and agent rather than the user's. */
  environment: NodeJS.ProcessEnv;
  /** The guard's log. */
  log: string;
}

type Closing = (() => void)[];

/** The longest temporary folder below which a guard's sockets have short enough names: 107 bytes. unix(7). */
const LONGEST_TMP = 40;

/** From here on clients tell the agent where they log in to (session-bind@openssh.com). */
const FIRST_OPENSSH = [8, 9] as const;

/** @param files written into the folder, by name */
export async function onStage(
  hosts: readonly DemoHost[],
  files: Record<string, string>,
  act: (stage: Stage) => Promise<void>,
): Promise<void> {
  const closing: Closing = [];
  const close = (): void => {
    for (const undo of closing.splice(0).reverse()) undo();
  };
  process.once("exit", close); // for what no finally sees
  try {
    await act(await setUp(hosts, files, closing));
  } finally {
    close();
    process.removeListener("exit", close);
  }
}

async function setUp(
  hosts: readonly DemoHost[],
  files: Record<string, string>,
  closing: Closing,
): Promise<Stage> {
  await checkVersion();
  const folder = mkdtempSync(join(tmpdir().length > LONGEST_TMP ? "/tmp" : tmpdir(), "mg-"));
  closing.push(() => rmSync(folder, { recursive: true, force: true }));
  const agent = await startAgent(folder, closing);
  const environment = stageEnvironment(folder, agent);
  const authorizedKey = await createKey(join(folder, "key"), "throwaway");
  await tool("ssh-add", ["-q", join(folder, "key")], environment);
  rmSync(join(folder, "key")); // the agent has it: from now on there is no way but through the agent
  await startServers(folder, hosts, authorizedKey, closing);
  const configFolder = join(folder, "config", "muxguard");
  mkdirSync(configFolder, { recursive: true });
  const settings = [
    `ssh_config = ${JSON.stringify(join(folder, "ssh_config"))}`,
    'approvers = ["terminal"] # no window of a desktop',
  ];
  write(join(configFolder, "config.toml"), `${settings.join("\n")}\n`);
  for (const [name, text] of Object.entries(files)) write(join(folder, name), text);
  return { folder, environment, log: join(folder, "state", "muxguard", "log.jsonl") };
}

async function checkVersion(): Promise<void> {
  const { stderr } = await tool("ssh", ["-V"]);
  const [, major, minor] = /OpenSSH_(\d+)\.(\d+)/.exec(stderr) ?? [];
  const [firstMajor, firstMinor] = FIRST_OPENSSH;
  const isOlder = Number(major) < firstMajor || (Number(major) === firstMajor && Number(minor) < firstMinor);
  if (major === undefined || isOlder)
    throw new Error(`the demo needs OpenSSH ${FIRST_OPENSSH.join(".")} or later; here is ${stderr.trim()}`);
}

/** The user's environment without the ways to the user's own keys, settings and guard. */
function stageEnvironment(folder: string, agent: string): NodeJS.ProcessEnv {
  const { SSH_AGENT_PID: _, SSH_ASKPASS: __, ...own } = process.env;
  return {
    ...own,
    SSH_AUTH_SOCK: agent,
    XDG_CONFIG_HOME: join(folder, "config"),
    XDG_STATE_HOME: join(folder, "state"),
    XDG_RUNTIME_DIR: folder, // not deeper: its sockets need short names
    DBUS_SESSION_BUS_ADDRESS: "disabled:", // its questions are for the terminal
  };
}

/**
 * Starts an ssh-agent that stays our child, so that it is ours to end, and that Ctrl-C does not reach.
 * Returns its socket.
 */
async function startAgent(folder: string, closing: Closing): Promise<string> {
  const socket = join(folder, "agent");
  const agent = spawn("ssh-agent", ["-D", "-a", socket], {
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  closing.push(() => agent.kill());
  await firstOutput(agent); // it tells of its socket once it listens
  return socket;
}

function firstOutput(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject(startError(child.spawnfile, error)));
    child.once("exit", () => reject(new Error(`${child.spawnfile} did not start`)));
    child.stdout?.once("data", () => resolve());
  });
}

async function startServers(
  folder: string,
  hosts: readonly DemoHost[],
  authorizedKey: string,
  closing: Closing,
): Promise<void> {
  const knownHosts: string[] = [];
  const sections: string[] = [];
  for (const { name, answer } of hosts) {
    const path = join(folder, name);
    const publicKey = await createKey(path, name);
    const server = await startServer({ hostKey: readFileSync(path, "utf8"), authorizedKey, answer });
    closing.push(() => server.close());
    knownHosts.push(`${name} ${publicKey}`);
    sections.push(`Host ${name}\n  HostName 127.0.0.1\n  Port ${server.port}\n  HostKeyAlias ${name}\n`);
  }
  write(join(folder, "known_hosts"), knownHosts.join(""));
  write(join(folder, "ssh_config"), `${sections.join("")}${forAllHosts(folder)}`);
}

/** Keeps ssh away from the user's keys and known hosts, and from asking anything itself. */
function forAllHosts(folder: string): string {
  const settings = [
    `UserKnownHostsFile "${join(folder, "known_hosts")}"`,
    "GlobalKnownHostsFile /dev/null",
    "StrictHostKeyChecking yes",
    "IdentityFile none",
    "PreferredAuthentications publickey",
    "BatchMode yes",
    "ControlPath none",
    // ssh2 has no post-quantum key exchange, of which OpenSSH 10.1 would warn; older ones don't know the
    // setting
    "IgnoreUnknown WarnWeakCrypto",
    "WarnWeakCrypto no",
  ];
  return `Host *\n${settings.map((line) => `  ${line}\n`).join("")}`;
}

/** Returns the public key's line. */
async function createKey(path: string, comment: string): Promise<string> {
  await tool("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path]);
  return readFileSync(`${path}.pub`, "utf8");
}

function tool(command: string, args: string[], env = process.env): Promise<{ stderr: string }> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { env }, (error, _stdout, stderr) =>
      error ? reject(startError(command, error)) : resolve({ stderr }),
    );
  });
}

function startError(command: string, error: Error): Error {
  if (!hasCode(error, "ENOENT")) return error;
  return new Error(`${command}: command not found; the demo needs OpenSSH's client (openssh-client)`);
}

/** For the owner alone, whatever the umask: a policy that others may write to is refused. */
function write(path: string, text: string): void {
  writeFileSync(path, text, { mode: 0o600 });
}
