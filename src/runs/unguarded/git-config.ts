/**
 * Where git's configuration says core.sshCommand: git-config(1). The user's files, the system's and those of the
 * repository around are read as text, with what they include. Conditions of `includeIf` are taken to hold.
 *
 * Limits: another repository that the run goes to is not looked at, nor one that GIT_DIR names.
 */
import { dirname, isAbsolute, join, resolve } from "node:path";
import { readIfFile } from "../../identity/file-stamps.ts";
import { homeFolder } from "../../identity/home.ts";

export interface SshCommand {
  value: string;
  file: string;
  /** From 1 on. */
  line: number;
}

/** MAX_INCLUDE_DEPTH of git's config.c, and of all files together: one may include itself. */
const [MAX_DEPTH, MAX_FILES] = [10, 60];

/** @param folder in which git would run */
export function sshCommands(folder: string, environment: NodeJS.ProcessEnv): SshCommand[] {
  const home = environment.HOME || homeFolder();
  const found: SshCommand[] = [];
  const waiting = configFiles(folder, environment, home).map((file) => ({ file, depth: 0 }));
  const seen = new Set<string>();
  // it grows as it is read
  for (const { file, depth } of waiting) {
    if (seen.has(file) || seen.size >= MAX_FILES) continue;
    seen.add(file);
    for (const { key, value, line } of settingsIn(readIfFile(file) ?? "")) {
      if (key === "core.sshcommand") found.push({ value, file, line });
      else if (depth < MAX_DEPTH)
        waiting.push({ file: resolve(dirname(file), inHome(value, home)), depth: depth + 1 });
    }
  }
  return found;
}

function configFiles(folder: string, environment: NodeJS.ProcessEnv, home: string): string[] {
  const { GIT_CONFIG_GLOBAL, GIT_CONFIG_SYSTEM, GIT_CONFIG_NOSYSTEM, XDG_CONFIG_HOME } = environment;
  const usual = [join(XDG_CONFIG_HOME || join(home, ".config"), "git/config"), join(home, ".gitconfig")];
  const noSystem = GIT_CONFIG_NOSYSTEM !== undefined && !/^(?:|0|no|off|false)$/i.test(GIT_CONFIG_NOSYSTEM);
  return [
    ...(noSystem ? [] : [GIT_CONFIG_SYSTEM ?? "/etc/gitconfig"]),
    ...(GIT_CONFIG_GLOBAL === undefined ? usual : [GIT_CONFIG_GLOBAL]),
    ...repositoryFiles(folder),
  ].filter(isAbsolute);
}

/** gitrepository-layout(5): a worktree's and a submodule's `.git` is a file. */
function repositoryFiles(folder: string): string[] {
  for (let at = folder; ; at = dirname(at)) {
    const git = join(at, ".git");
    const [, elsewhere] = /^gitdir: (.+)$/m.exec(readIfFile(git) ?? "") ?? [];
    const own = elsewhere === undefined ? git : resolve(at, elsewhere);
    if (readIfFile(join(own, "HEAD")) !== undefined) {
      const common = resolve(own, readIfFile(join(own, "commondir"))?.trim() ?? ".");
      return [join(common, "config"), join(own, "config.worktree")];
    }
    if (dirname(at) === at) return [];
  }
}

function inHome(path: string, home: string): string {
  return path.startsWith("~/") ? join(home, path.slice(2)) : path;
}

interface Setting {
  key: string;
  value: string;
  line: number;
}

const header = /^\s*\[\s*([\w.-]+)(?:\s+"(?:[^"\\]|\\.)*")?\s*\]/;

/** core.sshCommand, and the paths of what is included. */
function settingsIn(text: string): Setting[] {
  if (!/sshcommand|include/i.test(text)) return [];
  let section = "";
  return text.split("\n").flatMap((line, at) => {
    const [head = "", name] = header.exec(line) ?? [];
    if (name !== undefined) section = name.toLowerCase().replace(/^includeif$/, "include");
    const [, variable = "", value = ""] =
      /^\s*([A-Za-z][\w-]*)\s*=\s*(.*)$/.exec(line.slice(head.length)) ?? [];
    const key = `${section}.${variable.toLowerCase()}`;
    const isMeant = key === "core.sshcommand" || key === "include.path";
    return isMeant ? { key, value: plainValue(value), line: at + 1 } : [];
  });
}

/** Quotes go, and so does a comment outside of them. parse_value() of config.c */
function plainValue(written: string): string {
  let value = "";
  for (const [part, quoted, comment] of written.matchAll(/"((?:[^"\\]|\\.)*)"|([#;].*)|\\.|[^"#;\\]+|./g)) {
    if (comment !== undefined) break;
    value += (quoted ?? part).replace(/\\(.)/g, "$1");
  }
  return value.trim();
}
