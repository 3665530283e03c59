/**
 * KnownHostsCommand of the user's own ssh_config: a program that prints lines of known_hosts for the host that
 * is asked about. load_hostkeys_command() of OpenSSH's sshconnect.c.
 *
 * Whoever asks for signatures chooses the host, and so how often it runs. An answer is kept for a minute, and
 * beyond some programs at once and a number in a minute nothing is run: the host is unknown then.
 *
 * Limits: 5 seconds, 256 KiB. `%C`, and what else is no token here, is not understood: nothing is run.
 */
import { hostname, userInfo } from "node:os";
import { attempt } from "../../attempt.ts";
import { fingerprint, parsePublicKey } from "../../wire/public-key.ts";
import { BoundedMap } from "../bounded-map.ts";
import { outputOf } from "../output-of.ts";
import type { SshDestination } from "../ssh/command-line.ts";
import type { SshConfig } from "../ssh/config.ts";
import { splitArguments } from "../ssh-config/line.ts";
import { lookupOf } from "./host-names.ts";
import { type KnownHostsEntry, lineName, parseKnownHosts } from "./known-hosts.ts";

/** In milliseconds. */
const TIMEOUT = 5_000;
const LIFETIME = 60_000;
const MAX_KEPT = 256;
const MAX_RUNNING = 4;
/** Within LIFETIME. */
const MAX_RUNS = 120;

export type Entries = readonly KnownHostsEntry[];

interface Kept {
  expires: number;
  entries: Promise<Entries>;
}

/** What runs it: for tests, too. @returns its output, undefined if it failed */
export type RunCommand = (program: string, args: string[]) => Promise<string | undefined>;

export class KnownHostsCommands {
  readonly #kept = new BoundedMap<string, Kept>(MAX_KEPT);
  readonly #now: () => number;
  readonly #run: RunCommand;
  #running = 0;
  /** When the last ones began. */
  #begun: number[] = [];

  /** @param now a clock that doesn't jump, in milliseconds */
  constructor(
    now: () => number = () => performance.now(),
    run: RunCommand = (program, args) => outputOf(program, args, TIMEOUT),
  ) {
    this.#now = now;
    this.#run = run;
  }

  /**
   * The same array for as long as an answer is kept. Never rejects.
   * @param config what ssh makes of the destination
   */
  ask(hostKey: Buffer, destination: SshDestination, config: SshConfig): Promise<Entries> {
    const words = commandOf(hostKey, destination, config);
    const [program, ...args] = words ?? [];
    if (!program?.startsWith("/")) return nothing;
    const key = JSON.stringify(words);
    const kept = this.#kept.get(key);
    if (kept && this.#now() < kept.expires) return kept.entries;
    if (!this.#mayRun()) return nothing;
    const entries = this.#start(program, args);
    this.#kept.set(key, { entries, expires: this.#now() + LIFETIME });
    return entries;
  }

  #mayRun(): boolean {
    this.#begun = this.#begun.filter((time) => this.#now() < time + LIFETIME);
    return this.#running < MAX_RUNNING && this.#begun.length < MAX_RUNS;
  }

  async #start(program: string, args: string[]): Promise<Entries> {
    this.#begun.push(this.#now());
    this.#running++;
    const output = await this.#run(program, args).catch(() => undefined);
    this.#running--;
    return output === undefined ? none : parseKnownHosts(output);
  }
}

const none: Entries = [];
const nothing = Promise.resolve(none);

/** @returns undefined where there is none, or it can't be told what ssh would run */
function commandOf(hostKey: Buffer, destination: SshDestination, config: SshConfig): string[] | undefined {
  const words = splitArguments(config.knownHostsCommand ?? "", false);
  const tokens = tokensOf(hostKey, destination, config);
  const [program, ...args] = words ?? [];
  const expanded = args.map((word) => expand(word, tokens));
  if (program === undefined || expanded.includes(undefined)) return undefined;
  return [program, ...(expanded as string[])];
}

/** DEFAULT_CLIENT_PERCENT_EXPAND_ARGS of sshconnect.h, and what load_hostkeys_command() adds. */
function tokensOf(hostKey: Buffer, destination: SshDestination, config: SshConfig): Map<string, string> {
  const machine = hostname();
  const { uid = 0, username = "", homedir = "" } = attempt(() => userInfo()) ?? {};
  const port = `${destination.port ?? config.port}`;
  return new Map([
    ["%", "%"],
    ["H", lineName(lookupOf(destination, config))],
    ["I", "HOSTNAME"],
    ["t", parsePublicKey(hostKey).type],
    ["f", fingerprint(hostKey)],
    ["K", hostKey.toString("base64")],
    ["L", machine.split(".")[0] ?? ""],
    ["i", `${uid}`],
    ["k", config.hostKeyAlias ?? destination.host],
    ["l", machine],
    ["n", destination.host],
    ["p", port],
    ["d", homedir],
    ["h", config.hostname],
    ["u", username],
    ["r", destination.user ?? config.user],
    [
      "j",
      config.proxyJump
        ?.split(",")
        .at(-1)
        ?.replace(/^.*@|:\d*$/g, "") ?? "",
    ],
  ]);
}

/** `%h` and `${VARIABLE}`: percent_dollar_expand() of misc.c. */
function expand(word: string, tokens: Map<string, string>): string | undefined {
  let isUnknown = false;
  const text = word.replace(/%(.?)|\$\{([^}]*)\}?/gs, (_, token?: string, variable = "") => {
    const value = token === undefined ? process.env[variable] : tokens.get(token);
    if (value === undefined) isUnknown = true;
    return value ?? "";
  });
  return isUnknown ? undefined : text;
}
