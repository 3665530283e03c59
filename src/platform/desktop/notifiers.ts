/**
 * Programs that show a notice where the session's bus has no notification server: `notify-send`, which may be
 * anything of that name, and the toasts of Windows from inside of WSL. Neither has buttons that could be
 * trusted, nor takes back what it shows.
 *
 * node-notifier would start notify-send through a shell, with the text on its command line. So it is started
 * here, and text is an argument; node-notifier shows toasts, without a shell. That way was never tried out.
 */
import { spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { release } from "node:os";
import { delimiter, join } from "node:path";
import { attempt } from "../../attempt.ts";
import type { Notification } from "../../policy/desktop.ts";

/** Rejects if it was not shown. */
export type Notifier = (notification: Pick<Notification, "title" | "text">) => Promise<void>;

/** How long a program may take, in milliseconds. */
const PATIENCE = 10_000;

/** Undefined where there is none. @param environment of which PATH is looked through */
export function findNotifier(environment: NodeJS.ProcessEnv): Notifier | undefined {
  const program = findProgram("notify-send", environment.PATH);
  if (program !== undefined) return (notification) => notifySend(program, environment, notification);
  return /microsoft/i.test(release()) ? toast : undefined;
}

function findProgram(name: string, path = ""): string | undefined {
  const folders = path.split(delimiter).filter((folder) => folder.startsWith("/"));
  return folders.map((folder) => join(folder, name)).find(isProgram);
}

function isProgram(file: string): boolean {
  const isFile = attempt(() => statSync(file).isFile());
  return isFile === true && attempt(() => accessSync(file, constants.X_OK) ?? true) === true;
}

function notifySend(
  program: string,
  environment: NodeJS.ProcessEnv,
  { title, text }: Pick<Notification, "title" | "text">,
): Promise<void> {
  const args = [
    "--app-name=muxguard",
    "--urgency=low",
    "--icon=dialog-information",
    "--",
    title,
    plain(text),
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: environment, stdio: "ignore", timeout: PATIENCE });
    child.once("error", reject);
    child.once("close", (code) =>
      code === 0 ? resolve() : reject(new Error(`notify-send ended with ${code}`)),
    );
  });
}

/**
 * notify-send reads escapes (g_strcompress), and leaves markup to the server, of which nobody says whether it
 * knows any. A tag is shown as visible() would escape it: the text has no backslash of its own.
 */
function plain(text: string): string {
  return text
    .replaceAll("<", "\\x3c")
    .replace(/&(?=[a-z#])/gi, "\\x26")
    .replaceAll("\\", "\\\\");
}

async function toast({ title, text }: Pick<Notification, "title" | "text">): Promise<void> {
  const { default: notifier } = await import("node-notifier");
  const toaster = new notifier.WindowsToaster({ withFallback: false });
  return new Promise((resolve, reject) => {
    toaster.notify({ title, message: text }, (error) => (error ? reject(error) : resolve()));
  });
}
