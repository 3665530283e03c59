/** Where agents are that hold keys: the run's own takes their place. */
import { dirname, isAbsolute, join } from "node:path";
import { literalPrefix } from "../../identity/ssh-config/literal-path.ts";
import type { Mention } from "../../identity/ssh-config/mentions.ts";
import type { ConfineFacts, Place } from "../../platform/confine/facts.ts";
import { type Files, realPath } from "./files.ts";

type Agents = ConfineFacts["agents"];

/**
 * @param named by the environment and by config.toml
 * @returns real paths
 */
export function agentPaths(
  mentions: readonly Mention[],
  named: readonly string[],
  environment: NodeJS.ProcessEnv,
  files: Files,
): Agents {
  const mentioned = mentions.flatMap(({ keyword, value }) => {
    if (keyword !== "identityagent" || /^(?:none|SSH_AUTH_SOCK)$/i.test(value)) return [];
    const found = literalPrefix(value, environment);
    return found?.whole ? found.path : [];
  });
  const paths = [...mentioned, ...named].filter(isAbsolute).flatMap((path) => realPath(files, path) ?? []);
  return [...new Set(paths)].map((path) => ({ path, isThere: files.look(path) !== undefined }));
}

/**
 * The folders that hold nothing but sockets: there a new agent's would appear too.
 * @param never folders that a run needs
 */
export function agentFolders(agents: Agents, never: readonly string[], files: Files): Place[] {
  const folders = new Set(agents.map(({ path }) => dirname(path)));
  return [...folders].flatMap((path) => {
    const names = files.list(path);
    const isMeant =
      names.length > 0 && names.every((name) => files.look(join(path, name))?.kind === "socket");
    return isMeant && !never.includes(path) ? { path, folder: true, why: "an agent's folder" } : [];
  });
}
