/** Looks at what there is, and changes nothing: no folder is made, and no agent is asked for its keys. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { homeFolder } from "../../identity/home.ts";
import { readMentions } from "../../identity/ssh-config/mentions.ts";
import { usualControlFolders } from "../../masters/control-folders.ts";
import { findBwrap, mendOf } from "../../platform/confine/bwrap.ts";
import { sessionBusSocket } from "../../platform/dbus/bus-address.ts";
import { findProgram } from "../../runs/ride/shims.ts";
import { passingAgents, sshConfigKeywords } from "../../runs/unguarded/ssh-config.ts";
import { readConfig } from "../../settings/config.ts";
import type { Paths } from "../../settings/paths.ts";
import { userPolicyFiles } from "../../settings/policy-files.ts";
import { readScopes } from "../../settings/scopes.ts";
import { codingAgents } from "../coding-agents.ts";
import type { Facts } from "../facts.ts";
import { findAgents } from "./agents.ts";
import { findHosts } from "./hosts.ts";
import { findKeys } from "./keys.ts";
import { findCommand, findEnvCommand, findFolder, findShell } from "./shell.ts";

/** @throws SettingsError for settings with a mistake */
export async function look(paths: Paths, environment: NodeJS.ProcessEnv): Promise<Facts> {
  const { config, runtime, agentSocket } = paths;
  const { sshConfig, upstreamAgents, controlFolders } = await readConfig(paths);
  const [home, sshHome] = [homedir(), homeFolder()];
  const mentions = readMentions(new Set([...sshConfigKeywords, "host", "hostname"]), sshConfig);
  const hosts = await findHosts(sshConfig, mentions);
  const command = findCommand();
  const watched = controlFolders ?? usualControlFolders(sshConfig, environment);
  return {
    places: {
      config: join(config, "config.toml"),
      policy: join(config, "policy.toml"),
      agentPolicy: join(config, "agent.toml"),
      ...(sshConfig === undefined && { sshConfig: join(sshHome, ".ssh/config") }),
    },
    settings: {
      hasUpstream: upstreamAgents.length > 0,
      scopes: [...(await readScopes(paths)).keys()],
      hasPolicy: userPolicyFiles(paths).files.some((file) => existsSync(file)),
    },
    shell: findShell(environment, home),
    command,
    envCommand: findEnvCommand(command),
    folder: findFolder(command),
    agentSocket,
    agents: await findAgents(mentions, { environment, home, runtime, agentSocket }),
    passing: passingAgents(mentions, { agentSocket, environment }).map(({ file, line }) => `${file}:${line}`),
    keys: findKeys(sshHome, mentions, environment),
    gitHosts: hosts.git,
    production: hosts.production,
    codingAgents: codingAgents.map(({ name }) => name).filter((name) => findProgram(name) !== undefined),
    unconfinable: mendOf(),
    controlFolders: watched.filter((folder) => existsSync(folder)),
    around: around(environment),
  };
}

function around(environment: NodeJS.ProcessEnv): string[] {
  const { DISPLAY, WAYLAND_DISPLAY, TMUX } = environment;
  return [
    ...(DISPLAY || WAYLAND_DISPLAY ? ["a desktop"] : []),
    ...(sessionBusSocket(environment) === undefined ? [] : ["a session bus"]),
    ...(TMUX ? ["tmux, around this terminal"] : findProgram("tmux") ? ["tmux"] : []),
    ...(existsSync("/run/systemd/system") ? ["systemd"] : []),
    ...(findBwrap() === undefined ? [] : ["bubblewrap"]),
  ];
}
