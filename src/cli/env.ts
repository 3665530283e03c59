/** `muxguard env`: what a shell has to evaluate, in the manner of ssh-agent. */
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { answers } from "../platform/sockets/listener.ts";
import { checkedReach } from "../rpc/quick-checks.ts";
import { openPaths } from "../settings/paths.ts";
import { toStderr } from "../to-stderr.ts";
import { CliError } from "./cli-error.ts";
import { connectGuard } from "./guards/guard-connection.ts";

export interface EnvOptions {
  sh?: boolean;
  csh?: boolean;
  fish?: boolean;
  /** The name of a shell, or its path. */
  shell?: string;
  /** Says nothing of what is wrong: the exit code does. */
  quiet?: boolean;
}

/** bin/muxguard-env does the same without Node, where the daemon listens. */
export async function env(options: EnvOptions): Promise<void> {
  // inside of a run, SSH_AUTH_SOCK is the run's already: a shell's rc file must not lead past it
  if (process.env.MUXGUARD_PROMPTS) return;
  const { agentSocket, daemonSocket } = openPaths();
  if (!(await answers(agentSocket))) {
    if (options.quiet) process.exitCode = 1;
    else throw new CliError("no daemon runs; start it with: muxguard daemon", 1);
    return;
  }
  process.stdout.write(assignment(shellOf(options), agentSocket));
  const unreached = options.quiet ? undefined : await inTime(whyUnreached(daemonSocket));
  if (unreached !== undefined) toStderr(`muxguard: ${unreached}`);
}

/** How long a shell that starts is held up for it, in milliseconds. */
const PATIENCE = 1000;

/** Why nobody can be asked, as the daemon says; undefined also where it does not. */
async function whyUnreached(daemonSocket: string): Promise<string | undefined> {
  const guard = await connectGuard(daemonSocket);
  try {
    return (await guard?.request("reach", null, checkedReach)) ?? undefined;
  } finally {
    guard?.end();
  }
}

async function inTime<T>(answer: Promise<T | undefined>): Promise<T | undefined> {
  const late = sleep(PATIENCE, undefined, { ref: false });
  return Promise.race([answer.catch(() => undefined), late]);
}

type Shell = "sh" | "csh" | "fish";

/** As asked for, or by the name of the user's shell. */
function shellOf({ sh, csh, fish, shell = process.env.SHELL ?? "sh" }: EnvOptions): Shell {
  if (sh) return "sh";
  if (csh) return "csh";
  if (fish) return "fish";
  const name = basename(shell);
  if (name === "fish") return "fish";
  return name.endsWith("csh") ? "csh" : "sh";
}

function assignment(shell: Shell, socket: string): string {
  const quoted = `'${socket.replaceAll("'", "'\\''")}'`;
  switch (shell) {
    case "sh":
      return `SSH_AUTH_SOCK=${quoted}; export SSH_AUTH_SOCK;\n`;
    case "csh":
      return `setenv SSH_AUTH_SOCK ${quoted};\n`;
    case "fish":
      return `set -gx SSH_AUTH_SOCK ${quoted.replaceAll("'\\''", "\\'")};\n`;
  }
}
