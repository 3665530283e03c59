/**
 * What the suite starts for ssh-agent: the real one, and a guard in front of it. It takes the options that the
 * suite uses, and prints what ssh-agent prints. SSH_AGENT_PID is the guard's, which the agent ends with.
 *
 * `agent.js FOLDER OPTION…`, with a folder for the files of all guards.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { startAgent } from "../../../lab/agent.ts";
import type { Home } from "../../../lab/home.ts";
import { ended, endOf, firstWords, Processes, type Start } from "../../../lab/processes.ts";
import { MUXGUARD } from "../../../lab/programs.ts";
import { startDaemon, transparentHome } from "../guard.ts";

const HOLD = "--hold";

/** In a run: its agent takes one of the suite's keys before the command of the script begins. */
const COMMAND = 'ssh-add -q ssh-ed25519; SSH_AGENT_PID=$PPID exec "$@"';

const [folder = "", ...words] = process.argv.slice(2);
const processes = new Processes();
const { options, path, command } = read(words);

if (options.includes("-k")) await become("ssh-agent", words);
else if (options.includes(HOLD) || options.includes("-d")) await hold();
else if (command.length > 0) await run();
else await startHolder();

function read(given: readonly string[]): { options: string[]; path?: string; command: string[] } {
  const found: { options: string[]; path?: string; command: string[] } = { options: [], command: [] };
  for (let at = 0; at < given.length; at++) {
    const word = given[at] ?? "";
    if (!word.startsWith("-")) return { ...found, command: given.slice(at) };
    found.options.push(word);
    if (word === "-a") found.path = given[++at] ?? "";
  }
  return found;
}

/** In the background, as ssh-agent goes there: this process ends, another one has them for children. */
async function startHolder(): Promise<void> {
  const holder = spawn(process.execPath, [process.argv[1] ?? "", folder, HOLD, ...words], {
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  process.stdout.write(`${await firstWords(holder)}\n`);
  process.exit();
}

/** Until one of the two ends. */
async function hold(): Promise<void> {
  const { home, agent } = await startUpstream();
  const daemon = await startDaemon(processes.start.bind(processes), home, home.path("agent"));
  if (path !== undefined) symlinkSync(home.agentSocket, path);
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => daemon.kill());
  const socket = path ?? home.agentSocket;
  const variables = Object.entries({ SSH_AUTH_SOCK: socket, SSH_AGENT_PID: daemon.pid });
  const lines = variables.map(([name, value]) => `${name}=${value}; export ${name};`);
  process.stdout.write(`${lines.join("\n")}\n`); // in one piece, for who starts this in the background
  await Promise.race([ended(daemon), ended(agent)]);
  await Promise.all([endOf(daemon), endOf(agent)]);
}

/** `ssh-agent COMMAND`: what muxguard has for it is a run, which its guard ends with. */
async function run(): Promise<void> {
  const { home, agent } = await startUpstream();
  const line = ["/bin/sh", "-c", COMMAND, "sh", ...command];
  const args = [MUXGUARD, "run", "--upstream", home.path("agent"), "--", ...line];
  await become(process.execPath, args, home.environment);
  await endOf(agent);
}

async function startUpstream(): Promise<{ home: Home; agent: ChildProcess }> {
  const home = transparentHome(mkdtempSync(join(folder, "g")));
  const passed = options.filter((word) => word.startsWith("-P")); // which libraries it may load
  const start: Start = (program, args, how) => processes.start(program, [...passed, ...args], how);
  const agent = await startAgent(start, home.path("agent"));
  return { home, agent };
}

async function become(program: string, args: readonly string[], env = process.env): Promise<void> {
  const child = spawn(program, args, { stdio: "inherit", env });
  const [code] = await once(child, "exit");
  process.exitCode = code ?? 1;
}
