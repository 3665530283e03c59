/**
 * Folders out of which programs of the user's are started, or told what to start. One that is not there is made
 * for as long as a confined run goes on, which otherwise could make it, and put a program in: `~/.ssh/config`
 * names commands for the guard's own ssh.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { attempt } from "../../attempt.ts";

const ofHome = [".ssh", "bin", ".local/bin", ".local/share/systemd"];
const ofConfig = ["autostart", "environment.d", "fish", "git", "plasma-workspace", "systemd"];

/** In each that was made. By it they are known again, also after a crash. */
const MARK = ".made-for-a-confined-run";

/** Folders above them are made, too. @param config the folder for settings: ~/.config */
export function makeAbsentFolders(home: string, config: string): void {
  for (const path of startUpFolders(home, config)) if (!existsSync(path)) make(path);
}

function startUpFolders(home: string, config: string): string[] {
  return [...ofHome.map((name) => join(home, name)), ...ofConfig.map((name) => join(config, name))];
}

function make(path: string): void {
  attempt(() => {
    if (!existsSync(dirname(path))) make(dirname(path));
    mkdirSync(path, { mode: 0o700 });
    writeFileSync(join(path, MARK), "", { flag: "wx", mode: 0o600 });
  });
}

/** Removes those that were made, unless something is in there by now. */
export function removeMadeFolders(home: string, config: string): void {
  for (const path of startUpFolders(home, config)) remove(path);
}

function remove(path: string): void {
  const mark = join(path, MARK);
  if (!existsSync(mark)) return;
  attempt(() => {
    if (readFileSync(mark, "utf8") !== "" || readdirSync(path).length !== 1) return;
    unlinkSync(mark);
    rmdirSync(path);
    remove(dirname(path));
  });
}
