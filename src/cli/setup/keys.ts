/** Key files without a passphrase: encrypted by ssh-keygen, or held by muxguard's own agent alone. */
import { spawnSync } from "node:child_process";
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  openSync,
  renameSync,
  unlinkSync,
} from "node:fs";
import { isAbsolute } from "node:path";
import { hasCode, messageOf } from "../../errors.ts";
import { visible } from "../../policy/visible.ts";
import { expandHome } from "../../settings/expand-home.ts";
import type { Paths } from "../../settings/paths.ts";
import type { Facts } from "../../setup/facts.ts";
import { noteEncrypted } from "../../setup/files/apply.ts";
import { toStderr, toStdout } from "../../to-stderr.ts";
import { askText, pickOne } from "./prompts.ts";

export interface KeyChoice {
  path: string;
  what: "leave" | "encrypt" | "private";
}

export async function chooseForKeys({ keys }: Facts): Promise<KeyChoice[]> {
  const choices: KeyChoice[] = [];
  for (const { path } of keys.filter(({ encrypted }) => !encrypted)) {
    const what = await pickOne<KeyChoice["what"]>(
      `${visible(path, 300)} has no passphrase: any program can use it`,
      [
        { value: "encrypt", name: "give it a passphrase (ssh-keygen -p asks for it)" },
        { value: "private", name: "load it into muxguard's own agent, and move the file away" },
        { value: "leave", name: "leave it" },
      ],
    );
    choices.push({ path, what });
  }
  return choices;
}

/** @param hasPrivate whether a daemon runs that has an agent of its own */
export async function treatKeys(
  paths: Paths,
  { agentSocket }: Facts,
  choices: readonly KeyChoice[],
  hasPrivate: boolean,
): Promise<void> {
  for (const { path, what } of choices) {
    if (what === "encrypt") encrypt(paths, path);
    else if (what === "private" && hasPrivate) await moveIntoAgent(path, agentSocket);
    else if (what === "private")
      toStderr(`muxguard: ${visible(path, 300)}: left: no daemon runs that has an agent of its own`);
  }
}

/** It asks on the terminal itself: no passphrase comes by here. */
function encrypt(paths: Paths, path: string): void {
  const { status } = spawnSync("ssh-keygen", ["-p", "-f", path], { stdio: "inherit" });
  if (status === 0) noteEncrypted(paths, path);
  else toStderr(`muxguard: ${visible(path, 300)}: left as it is`);
}

async function moveIntoAgent(path: string, agentSocket: string): Promise<void> {
  toStdout("the guard may ask whether the key may be added (muxguard pending shows it in another terminal)");
  const environment = { ...process.env, SSH_AUTH_SOCK: agentSocket };
  const { status } = spawnSync("ssh-add", [path], { stdio: "inherit", env: environment });
  if (status !== 0) return toStderr(`muxguard: ${visible(path, 300)}: not added, and left where it is`);
  toStdout("muxguard's agent holds it until the daemon ends; then ssh-add it again, from where the file is");
  const target = expandHome(
    await askText("Where shall the file go, such as a disk that you take away? (empty: stay)"),
  );
  if (target === "") return;
  try {
    move(path, target);
    toStdout(`moved to ${visible(target, 300)}; init --undo does not move it back`);
  } catch (error) {
    toStderr(`muxguard: ${visible(path, 300)}: left where it is: ${messageOf(error)}`);
  }
}

/** Nothing is written over. To another file system it is copied, and on the disk before the first is gone. */
function move(path: string, target: string): void {
  if (!isAbsolute(target)) throw new Error("not an absolute path");
  if (existsSync(target)) throw new Error(`${target} is there already`);
  try {
    renameSync(path, target);
  } catch (error) {
    if (!hasCode(error, "EXDEV")) throw error;
    copyFileSync(path, target, constants.COPYFILE_EXCL);
    const fd = openSync(target, constants.O_RDONLY);
    fsyncSync(fd);
    closeSync(fd);
    unlinkSync(path);
  }
}
