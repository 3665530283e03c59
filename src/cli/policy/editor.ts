/** The user's editor: $VISUAL, $EDITOR, or the system's. */
import { spawn } from "node:child_process";
import { findProgram } from "../../runs/ride/shims.ts";
import { CliError, exitCodes } from "../cli-error.ts";

/** Settles when it has ended. @throws CliError if it fails */
export async function runEditor(path: string): Promise<void> {
  const { VISUAL, EDITOR } = process.env;
  const editor = VISUAL || EDITOR || ["editor", "nano", "vi"].map((name) => findProgram(name)).find(Boolean);
  if (editor === undefined) throw new CliError("no editor; set EDITOR", exitCodes.notFound);
  // with arguments of its own, as git has it
  const child = spawn("/bin/sh", ["-c", `${editor} "$@"`, editor, path], { stdio: "inherit" });
  // Ctrl-C is the editor's
  const ignore = (): void => {};
  process.on("SIGINT", ignore);
  try {
    const ended = await new Promise<number | string>((resolve, reject) => {
      child.on("error", reject);
      child.on("exit", (code, signal) => resolve(code ?? signal ?? 1));
    });
    if (ended !== 0) throw new CliError(`the editor ended with ${ended}: nothing is changed`, 1);
  } finally {
    process.off("SIGINT", ignore);
  }
}
