/** Paths as ssh_config(5) has them, as far as they are the same for all hosts. */
import { userInfo } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { homeFolder } from "../home.ts";

/**
 * The path up to its first token that is not the user's own. misc.c, vdollar_percent_expand()
 * @returns undefined for one that is not absolute then
 */
export function literalPrefix(
  written: string,
  environment: NodeJS.ProcessEnv,
): { path: string; whole: boolean } | undefined {
  const home = homeFolder();
  const { uid, username } = userInfo();
  const own: Record<string, string> = { "%": "%", d: home, i: `${uid}`, u: username };
  const inHome = written.startsWith("~/") ? join(home, written.slice(2)) : written;
  let path = "";
  let whole = true;
  for (const [part, token, name] of inHome.matchAll(/%(.)|\$\{([^}]*)\}|[^%$]+|./gs)) {
    const text = token === undefined ? (name === undefined ? part : environment[name]) : own[token];
    if (text === undefined) {
      whole = false;
      break;
    }
    path += text;
  }
  return isAbsolute(path) ? { path, whole } : undefined;
}

/**
 * The folder of a ControlPath.
 * @returns undefined for `none`, and for one whose folder differs from host to host and has nothing in common
 */
export function controlFolderOf(controlPath: string, environment: NodeJS.ProcessEnv): string | undefined {
  const prefix = controlPath.toLowerCase() === "none" ? undefined : literalPrefix(controlPath, environment);
  return prefix && dirname(`${prefix.path}x`);
}
