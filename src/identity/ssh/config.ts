/**
 * What ssh_config(5) makes of a destination, as `ssh -G` prints it: a keyword and a value on each line.
 *
 * It is ssh's own reading, with its Match blocks, Includes and tokens. What all the aliases lead to is read
 * in ssh-config/, for which ssh would have to run once for each. dump_client_config() of readconf.c writes the
 * lines; where versions differ, it is said below.
 */
import { join } from "node:path";
import { homeFolder } from "../home.ts";

export interface SshConfig {
  hostname: string;
  port: number;
  user: string;
  /** The name that known_hosts has the host under, without a port. */
  hostKeyAlias?: string;
  userKnownHostsFiles: string[];
  globalKnownHostsFiles: string[];
  /** What prints lines of known_hosts, its tokens as they were written. */
  knownHostsCommand?: string;
  proxyJump?: string;
  /** Absent where ssh makes one of `proxyJump`. */
  proxyCommand?: string;
  /** Absolute, its tokens expanded. It may hold spaces. */
  controlPath?: string;
  /** "no", "yes" (also for 0) or seconds. */
  controlPersist?: string;
  /** "yes", "no", "ask" or "accept-new". */
  strictHostKeyChecking: string;
}

/** @returns undefined for output without a host name and a port */
export function parseSshConfig(output: string): SshConfig | undefined {
  const values = new Map<string, string>();
  for (const line of output.split("\n")) {
    const [, keyword, value] = /^(\S+) (.*)$/.exec(line) ?? [];
    if (keyword !== undefined && value !== undefined && !values.has(keyword)) values.set(keyword, value);
  }
  const hostname = values.get("hostname");
  const port = Number(values.get("port"));
  if (!hostname || !port) return undefined;
  return {
    hostname,
    port,
    user: values.get("user") ?? "",
    userKnownHostsFiles: parsePaths(values.get("userknownhostsfile")),
    globalKnownHostsFiles: parsePaths(values.get("globalknownhostsfile")),
    strictHostKeyChecking: parseStrictness(values.get("stricthostkeychecking")),
    ...parseOptional(values),
  };
}

type Optional = Pick<
  SshConfig,
  "hostKeyAlias" | "knownHostsCommand" | "proxyJump" | "proxyCommand" | "controlPath" | "controlPersist"
>;

/** Most versions leave a line out where the value is "none". */
function parseOptional(values: Map<string, string>): Optional {
  const { hostkeyalias, knownhostscommand, proxyjump, proxycommand, controlpath, controlpersist } =
    Object.fromEntries(values);
  return {
    ...(hostkeyalias !== undefined && { hostKeyAlias: hostkeyalias }),
    ...(isSet(knownhostscommand) && { knownHostsCommand: knownhostscommand }),
    ...(proxyjump !== undefined && { proxyJump: proxyjump }),
    ...(isSet(proxycommand) && { proxyCommand: proxycommand }),
    ...(isSet(controlpath) && { controlPath: expandTilde(controlpath) }),
    ...(controlpersist !== undefined && { controlPersist: controlpersist }),
  };
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value.toLowerCase() !== "none";
}

/** ssh prints "true" for yes, and "false" for no and off: multistate_strict_hostkey of readconf.c. */
function parseStrictness(printed = "ask"): string {
  if (printed === "true") return "yes";
  return printed === "false" || printed === "off" ? "no" : printed;
}

/**
 * ssh prints spaces between the paths, and doesn't quote the spaces in them. A new path begins where the text
 * looks like one.
 */
function parsePaths(list = "none"): string[] {
  if (list === "none") return [];
  return list.split(/ (?=[/~])/).map(expandTilde);
}

/** Paths may come as they were written: those of `GlobalKnownHostsFile`, and before 8.4 all of them. */
function expandTilde(path: string): string {
  return path.startsWith("~/") ? join(homeFolder(), path.slice(2)) : path;
}
