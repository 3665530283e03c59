/** The program: what holds for all commands, and the one place where an error becomes a line and an exit code. */
import { messageOf } from "../errors.ts";
import { endOnFaults } from "../faults.ts";
import { ignoreDebuggerSignal } from "../platform/proc/debugger-signal.ts";
import { SettingsError } from "../settings/settings-error.ts";
import { toStderr } from "../to-stderr.ts";
import { CliError, exitCodes } from "./cli-error.ts";
import { tell } from "./program/tell.ts";
import { plainRunWords } from "./run/plain.ts";

/** What a guard believes, or asks on its terminal. What is inside of a run must not steer it. */
const answering = new Set([
  ...["init", "suggest"],
  ...["approve", "deny", "watch", "unlock", "lock", "forget", "open", "close", "adopt", "upstream"],
]);

/** The same of `muxguard policy`. */
const changing = new Set(["add", "edit", "remove"]);

ignoreDebuggerSignal();
endOnFaults("muxguard");
void main();

async function main(): Promise<void> {
  try {
    const words = plainRunWords(process.argv.slice(2));
    if (words !== undefined) {
      process.exitCode = await (await import("./run/run.ts")).run(words, {});
      return;
    }
    endWithReaders();
    const [, , name = "", inner = ""] = process.argv;
    if (answering.has(name) || (name === "policy" && changing.has(inner))) await protect();
    const { runCommandLine } = await import("./program/program.ts");
    process.exitCode = (await runCommandLine(process.argv)) ?? process.exitCode;
  } catch (error) {
    process.exitCode = exitCodeOf(error);
  }
}

/** Not for a plain run, which has nothing to say there: Node's streams take as long to make as a guard. */
function endWithReaders(): void {
  // a guard must outlive the terminal, or the pipe, that it reports to
  process.stderr.on("error", () => {});
  // nobody reads on, as in `muxguard log | head`; what has no place to go is told
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (process.stdout.listenerCount("error") > 1) return; // a command that has to clear up ends by itself
    if (error.code !== "EPIPE") toStderr(`muxguard: stdout: ${error.message}`);
    process.exit(error.code === "EPIPE" ? 0 : 1);
  });
}

/**
 * As early as can be. `run` and `daemon` do it by themselves. Its executable can't be seen from then on: a question
 * of its own, as that of `open`, has its name instead.
 */
async function protect(): Promise<void> {
  const [{ protectProcess }, { setProcessName }] = await Promise.all([
    import("../platform/proc/protect.ts"),
    import("../platform/libc/process.ts"),
  ]);
  protectProcess();
  setProcessName("muxguard");
}

/** The one place where an error becomes a line and an exit code. */
function exitCodeOf(error: unknown): number {
  const lines = error instanceof SettingsError ? error.faults : [messageOf(error)];
  for (const text of lines) tell(`muxguard: ${text}`);
  if (error instanceof CliError) return error.exitCode;
  return error instanceof SettingsError ? exitCodes.settings : 1;
}
