/** Gathers what a confined run is to be kept from: src/platform/confine/plan.ts makes mounts of it. */
import { dirname, join } from "node:path";
import { literalPrefix } from "../../identity/ssh-config/literal-path.ts";
import { type Mention, readMentions } from "../../identity/ssh-config/mentions.ts";
import type { ConfineFacts, Place } from "../../platform/confine/facts.ts";
import type { RunSettings } from "../../policy/run-settings.ts";
import { agentFolders, agentPaths } from "./agents.ts";
import { type Files, placesAt } from "./files.ts";
import { hostKeys, isPrivateKey, keysAmong, namedKeys } from "./keys.ts";
import { linkedFrom, sshFolder } from "./ssh-folder.ts";
import { startUpFiles } from "./start-up.ts";
import { desktopSockets, sessionFolder, systemFolders, systemServices, xAuthorities } from "./system.ts";
import { dangerousIn, temporaryFolder } from "./temporary.ts";

export interface Surroundings {
  /** Of whoever starts the run. */
  environment: NodeJS.ProcessEnv;
  settings: Pick<RunSettings, "hide" | "readOnly" | "writable" | "policy">;
  uid: number;
  /** $HOME, and that of the user database. */
  homes: readonly string[];
  /** ~/.config */
  configHome: string;
  /** In which the run begins. */
  folder: string;
  /** For `ssh -F`, if the guard reads such a file. */
  sshConfig: string | undefined;
  /** muxguard's own folders. */
  guard: { config: string; runtime: string; state: string; installation: readonly string[] };
  /** Folders with control sockets. */
  controlFolders: readonly string[];
  /** Paths of agents' sockets. */
  upstream: readonly string[];
  /** Of the run. */
  run: Pick<ConfineFacts, "agentSocket" | "own" | "replaced" | "empty">;
}

export interface Gathered {
  facts: ConfineFacts;
  /** What these mounts can't hold, in words that are not safe for a screen. */
  loose: string[];
}

/** Where `muxguard fleet join` puts the keys to the bus, and the machine's own. */
const FLEET = "fleet";

const keywords = new Set(["identityfile", "identityagent", "userknownhostsfile", "controlpath"]);

export function gatherFacts(around: Surroundings, files: Files): Gathered {
  const { environment, settings, homes, guard, run, uid } = around;
  const mentions = [undefined, around.sshConfig].flatMap((file, at) =>
    at > 0 && file === undefined ? [] : readMentions(keywords, file),
  );
  const links = homes.flatMap((home) => linkedFrom(join(home, ".ssh"), files));
  const agents = agentPaths(mentions, agentsNamed(around), environment, files);
  const session = sessionFolder(environment, uid, files);
  const readOnly = [...protectedPaths(around), ...configFiles(mentions, around)];
  const sieved = homes.flatMap((home) => sshFolder(home, files) ?? []);
  const keys = secretKeys(mentions, links, around, files);
  const hidden: Place[] = [
    ...placesAt(files, keys, "private key"),
    ...session,
    ...placesAt(files, [guard.runtime, guard.state, join(guard.config, FLEET)], "muxguard's own"),
    ...controlFolders(around, files),
    ...agentFolders(agents, [...homes, around.folder, ...sieved.map(({ path }) => path)], files),
    ...systemServices(files),
    ...homes.flatMap((home) => xAuthorities(home, environment, files)),
    ...homes.flatMap((home) => gnupg(home, files)),
    ...placesAt(files, dangerousIn(environment.TMPDIR ?? "/tmp", files), "temporary files"),
    ...placesAt(files, settings.hide, "hidden by the scope"),
  ];
  const needed = [around.folder, ...homes, around.configHome, ...guard.installation];
  const named = [...settings.readOnly, ...settings.writable, ...pathFolders(environment), ...readOnly];
  const temporary = temporaryFolder(
    [...needed, ...named].flatMap((path) => files.real(path) ?? []),
    uid,
    files,
  );
  const facts = {
    hidden,
    sieved: unique(sieved),
    readOnly: [
      ...placesAt(files, [...readOnly, ...links], "read-only"),
      ...placesAt(files, settings.readOnly, "read-only by the scope"),
      ...placesAt(files, ["/sys"], "system"),
      ...(uid === 0 ? systemFolders(files) : []),
    ],
    writable: placesAt(files, settings.writable, "writable by the scope"),
    temporary,
    agents,
    desktop: desktopSockets(session, temporary.path, files),
    ...run,
  };
  return {
    facts: { ...facts, movable: movableAbove(facts, files) },
    loose: [...looseLinks(readOnly, files), ...looseKeys(keys, files)],
  };
}

function agentsNamed({ environment, upstream }: Surroundings): string[] {
  const { SSH_AUTH_SOCK: agent } = environment;
  return [...(agent ? [agent] : []), ...upstream];
}

function secretKeys(
  mentions: readonly Mention[],
  links: readonly string[],
  { environment, uid }: Surroundings,
  files: Files,
): string[] {
  const named = namedKeys(mentions, environment, files);
  return [...named, ...keysAmong(links, files), ...(uid === 0 ? hostKeys(files) : [])];
}

/** A folder that holds more than control sockets is not taken from the run: ~/.ssh, which is sieved. */
function controlFolders({ controlFolders: folders, homes }: Surroundings, files: Files): Place[] {
  const needed = homes.flatMap((home) => [home, join(home, ".ssh")]);
  const meant = folders.filter((folder) => !needed.includes(folder));
  return placesAt(files, meant, "control sockets");
}

function gnupg(home: string, files: Files): Place[] {
  const folder = join(home, ".gnupg");
  const names = files.list(folder).filter((name) => name.startsWith("S.") || name === "private-keys-v1.d");
  return placesAt(
    files,
    names.map((name) => join(folder, name)),
    "gpg-agent",
  );
}

function protectedPaths(around: Surroundings): string[] {
  const { environment, homes, configHome, guard, settings } = around;
  return [
    ...programFolders(around),
    guard.config,
    ...guard.installation,
    ...(settings.policy === undefined ? [] : [settings.policy]),
    ...homes.flatMap((home) => startUpFiles(home, configHome, environment)),
  ];
}

/** What ssh reads, wherever it lies. */
function configFiles(mentions: readonly Mention[], { sshConfig, environment }: Surroundings): string[] {
  const known = mentions.filter(({ keyword }) => keyword === "userknownhostsfile");
  const paths = known.flatMap(({ value }) => {
    const found = literalPrefix(value, environment);
    return found?.whole ? found.path : [];
  });
  return [...paths, ...mentions.map(({ file }) => file), ...(sshConfig === undefined ? [] : [sshConfig])];
}

/**
 * What is put in there is started outside under a usual name. Not those of the project that the run is for:
 * node_modules/.bin.
 */
function programFolders({ environment, folder, homes }: Surroundings): string[] {
  const isAround = (one: string, path: string): boolean => path === one || path.startsWith(`${one}/`);
  const isProject = !homes.some((home) => isAround(folder, home));
  return pathFolders(environment).filter((path) => {
    const isNeeded = [folder, ...homes].some((one) => isAround(path, one));
    // root's own are read-only as it is
    return !isNeeded && dirname(path) !== "/" && !(isProject && isAround(folder, path));
  });
}

function pathFolders({ PATH: path = "" }: NodeJS.ProcessEnv): string[] {
  return path.split(":").filter((folder) => folder.startsWith("/"));
}

function unique<P extends Place>(places: readonly P[]): P[] {
  return places.filter(({ path }, at) => places.findIndex((other) => other.path === path) === at);
}

/** Mounts as it is, and not the ones of outside. */
const bwrapsOwn = ["/", "/proc", "/dev"];

/** All folders above what is protected whose name the user could give to another. */
function movableAbove(facts: Omit<ConfineFacts, "movable">, files: Files): Set<string> {
  const places = [...facts.hidden, ...facts.sieved, ...facts.readOnly];
  const folders = new Set(places.flatMap(({ path }) => above(path)));
  const isMeant = (folder: string): boolean => !bwrapsOwn.includes(folder);
  return new Set([...folders].filter(isMeant).filter((folder) => files.mayWrite(dirname(folder))));
}

function above(path: string): string[] {
  const folder = dirname(path);
  return folder === path ? [] : [folder, ...above(folder)];
}

/** A mount is made over what a link leads to. The link itself can be replaced. */
function looseLinks(paths: readonly string[], files: Files): string[] {
  const links = paths.flatMap((path) => {
    const found = [path, ...above(path)].filter((one) => files.isLink(one) && files.mayWrite(dirname(one)));
    return files.real(path) === undefined ? [] : found;
  });
  return [...new Set(links)].map((link) => `${link} is a link, which the run can replace`);
}

function looseKeys(keys: readonly string[], files: Files): string[] {
  const more = keys.filter((path) => (files.look(path)?.links ?? 1) > 1 && isPrivateKey(files.head(path)));
  return more.map((path) => `${path} has another name (a hard link), by which the run can read it`);
}
