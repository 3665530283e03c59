/**
 * What ssh_config(5) makes of a destination, as `ssh -G` prints it: ssh's own reading, with its Match blocks,
 * Includes and tokens.
 *
 * The destination is mostly what a caller typed. Nothing but plain names is handed on, for a `Match exec` of
 * the user's may put them into a shell command; `ssh` itself is run without a shell.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import { BoundedMap } from "../bounded-map.ts";
import { FileStamps } from "../file-stamps.ts";
import { destinationOptions, isPlainDestination, type PlainDestination } from "./plain-destination.ts";

export interface SshConfig {
  hostname: string;
  port: number;
  user: string;
  /** The name that known_hosts has the host under, without a port. */
  hostKeyAlias?: string;
  userKnownHostsFiles: string[];
  globalKnownHostsFiles: string[];
  proxyJump?: string;
  /** Absent where ssh makes one of `proxyJump`. */
  proxyCommand?: string;
  /** Absolute, its tokens expanded; it may hold spaces. */
  controlPath?: string;
  /** "no", "yes" (also for 0) or seconds. */
  controlPersist?: string;
  /** "yes", "no", "ask" or "accept-new". */
  strictHostKeyChecking: string;
}

/** Stands for no host in particular, to learn what holds for all of them (RFC 2606 §2: it can't exist). */
export const NO_HOST = "muxguard.invalid";

const SYSTEM_CONFIG = "/etc/ssh/ssh_config";
const CACHE_SIZE = 256;
/** In milliseconds. What an Include names may change without a sign that could be seen here. */
const LIFETIME = 60_000;
/** In milliseconds. Long enough that a config that hangs doesn't hold up every request. */
const LIFETIME_OF_FAILURE = 5_000;
const TIMEOUT = 5_000;
const MAX_OUTPUT = 256 * 1024;

interface Cached {
  stamp: string;
  expires: number;
  config: Promise<SshConfig | undefined>;
}

export interface SshConfigsOptions {
  /** For `ssh -F`, which then reads no other file. */
  file?: string;
  /** A clock that doesn't jump, in milliseconds. */
  now?: () => number;
  /** For the whole of ssh's reading, in milliseconds. */
  timeout?: number;
}

export class SshConfigs {
  readonly #cache = new BoundedMap<string, Cached>(CACHE_SIZE);
  readonly #file: string | undefined;
  readonly #files: string[];
  readonly #now: () => number;
  readonly #timeout: number;

  constructor({ file, now = () => performance.now(), timeout = TIMEOUT }: SshConfigsOptions = {}) {
    this.#file = file;
    this.#timeout = timeout;
    this.#files = file === undefined ? [join(home(), ".ssh/config"), SYSTEM_CONFIG] : [file];
    this.#now = now;
  }

  /** As `readDestination` does. */
  read(host: string, stamps = new FileStamps()): Promise<SshConfig | undefined> {
    return this.readDestination({ host }, stamps);
  }

  /**
   * The same object for as long as the answer is kept.
   * @returns undefined for a destination that is not plain, and for whatever ssh can't answer in time
   */
  readDestination(to: PlainDestination, stamps = new FileStamps()): Promise<SshConfig | undefined> {
    if (!isPlainDestination(to)) return Promise.resolve(undefined);
    const key = [to.host, to.user, to.port, to.jump].join(" ");
    const stamp = this.#files.map((file) => stamps.of(file)).join();
    const cached = this.#cache.get(key);
    if (cached?.stamp === stamp && this.#now() < cached.expires) return cached.config;
    return this.#run(to, key, stamp);
  }

  #run(to: PlainDestination, key: string, stamp: string): Promise<SshConfig | undefined> {
    const config = runSsh(sshArguments(to, this.#file), this.#timeout)
      .then((output) => (output === undefined ? undefined : parseSshConfig(output)))
      .catch(() => undefined); // no descriptors or no memory left: then spawn throws
    const entry: Cached = { stamp, expires: Number.POSITIVE_INFINITY, config };
    this.#cache.set(key, entry);
    config.then((answer) => {
      entry.expires = this.#now() + (answer ? LIFETIME : LIFETIME_OF_FAILURE);
    });
    return config;
  }
}

function sshArguments(to: PlainDestination, file: string | undefined): string[] {
  const { host } = to;
  const from = file === undefined ? [] : ["-F", file];
  // else ssh would ask the DNS for a name that isn't there
  const asIs = host === NO_HOST ? ["-o", "CanonicalizeHostname=no"] : [];
  return ["-G", ...from, ...asIs, ...destinationOptions(to), "--", host];
}

/** Standard output of ssh; undefined if it fails, prints too much or takes too long. */
function runSsh(args: string[], timeout: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    // a process group of its own, so that the commands of a `Match exec` end with it
    const ssh = spawn("ssh", args, { stdio: ["ignore", "pipe", "ignore"], detached: true });
    const chunks: Buffer[] = [];
    let length = 0;
    const settle = (output?: string): void => {
      clearTimeout(timer);
      resolve(output);
    };
    const giveUp = (): void => {
      killGroup(ssh);
      settle();
    };
    const timer = setTimeout(giveUp, timeout);
    ssh.on("error", () => settle());
    ssh.on("close", (code) => settle(code === 0 ? Buffer.concat(chunks).toString("utf8") : undefined));
    ssh.stdout.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > MAX_OUTPUT) giveUp();
    });
  });
}

function killGroup(child: ChildProcess): void {
  child.stdout?.destroy();
  try {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  } catch {
    // all of it has ended already
  }
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
  "hostKeyAlias" | "proxyJump" | "proxyCommand" | "controlPath" | "controlPersist"
>;

/** Most versions print no "none", where that is set. */
function parseOptional(values: Map<string, string>): Optional {
  const { hostkeyalias, proxyjump, proxycommand, controlpath, controlpersist } = Object.fromEntries(values);
  return {
    ...(hostkeyalias !== undefined && { hostKeyAlias: hostkeyalias }),
    ...(proxyjump !== undefined && { proxyJump: proxyjump }),
    ...(isSet(proxycommand) && { proxyCommand: proxycommand }),
    ...(isSet(controlpath) && { controlPath: expandTilde(controlpath) }),
    ...(controlpersist !== undefined && { controlPersist: controlpersist }),
  };
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value.toLowerCase() !== "none";
}

/** multistate_strict_hostkey in readconf.c: "true" is printed for yes, "false" for no and off. */
function parseStrictness(printed = "ask"): string {
  if (printed === "true") return "yes";
  return printed === "false" || printed === "off" ? "no" : printed;
}

/**
 * ssh prints the paths with spaces between and doesn't quote the spaces in them: a new one begins where it
 * looks like one.
 */
function parsePaths(list = "none"): string[] {
  if (list === "none") return [];
  return list.split(/ (?=[/~])/).map(expandTilde);
}

/**
 * Some versions of ssh print paths as they are in the config (`GlobalKnownHostsFile`, and both before 8.4).
 */
function expandTilde(path: string): string {
  return path.startsWith("~/") ? join(home(), path.slice(2)) : path;
}

/** As ssh does: where the user database says, whatever $HOME is. */
function home(): string {
  try {
    return userInfo().homedir;
  } catch {
    return homedir(); // a uid without an entry; ssh itself refuses to run then
  }
}
