/** The shell that a person types into, and how it calls muxguard. */
import { basename, dirname, isAbsolute, join } from "node:path";
import { readIfFile } from "../../identity/file-stamps.ts";
import { muxguardProgram } from "../../installation.ts";
import { systemFiles } from "../../runs/confined/files.ts";
import { findProgram } from "../../runs/ride/shims.ts";
import type { FoundShell } from "../facts.ts";

export function findShell({ SHELL, ZDOTDIR, XDG_CONFIG_HOME }: NodeJS.ProcessEnv, home: string): FoundShell {
  const name = basename(SHELL || "sh");
  switch (name) {
    case "bash":
      return { name, file: join(home, ".bashrc"), ...withoutBashrc(home) };
    case "zsh":
      return { name, file: join(ZDOTDIR || home, ".zshrc") };
    case "fish":
      return { name, file: join(XDG_CONFIG_HOME || join(home, ".config"), "fish/config.fish") };
    case "sh":
    case "dash":
      return { name: "sh", file: join(home, ".profile") };
    default:
      return { name };
  }
}

/** A login shell reads the first of these alone: as tmux and terminals over ssh start it. bash(1) */
function withoutBashrc(home: string): Pick<FoundShell, "login"> {
  const files = [".bash_profile", ".bash_login", ".profile"].map((name) => join(home, name));
  const first = files.find((file) => readIfFile(file) !== undefined);
  if (first === undefined) return { login: join(home, ".profile") };
  return /\.bashrc\b/.test(readIfFile(first) ?? "") ? {} : { login: first };
}

/** Its name where the PATH leads to this one, else its path, in letters that every shell takes as they are. */
export function findCommand(): string {
  const own = muxguardProgram();
  return ownOnPath("muxguard", own) !== undefined || !/^[\w@%+=:,./-]+$/.test(own) ? "muxguard" : own;
}

/** The quick one, which needs no Node where a daemon listens, unless the PATH leads to `muxguard` alone. */
export function findEnvCommand(command: string): string {
  if (isAbsolute(command)) return `${command}-env`;
  const isOwn = ownOnPath("muxguard-env", `${muxguardProgram()}-env`) !== undefined;
  return isOwn ? "muxguard-env" : `${command} env`;
}

/** Where a shell finds a command that is a name, whatever its own PATH is. */
export function findFolder(command: string): string | undefined {
  const own = muxguardProgram();
  return isAbsolute(command) ? undefined : dirname(ownOnPath("muxguard", own) ?? own);
}

/** The first of that name in the PATH, where that is this installation's. */
function ownOnPath(name: string, own: string): string | undefined {
  const found = findProgram(name);
  return found !== undefined && systemFiles.real(found) === systemFiles.real(own) ? found : undefined;
}
