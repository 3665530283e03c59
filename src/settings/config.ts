/** config.toml: how muxguard works. What may be done is the policy's matter (policy-files.ts). */
import { join } from "node:path";
import { expandHome } from "./expand-home.ts";
import { type FleetConfig, fleetOf } from "./fleet/config.ts";
import type { Paths } from "./paths.ts";
import { readSettings } from "./settings.ts";

export interface Config {
  /**
   * Agents that hold the keys, by socket path; "private" for an ssh-agent of the guard's own. Empty:
   * SSH_AUTH_SOCK.
   */
  upstreamAgents: readonly string[];
  /** In this order; the first answer wins. */
  approvers: readonly string[];
  /** Whether config.toml names them. */
  areApproversNamed: boolean;
  /** How long an approval is remembered if nothing else is said, in milliseconds. */
  remember: number;
  /** After how long no answer is a denial, in milliseconds. */
  timeout: number;
  /** What a plain yes means where an approver has just yes and no. */
  yes: "once" | "remember" | "lasting";
  /** The longest that "while this lasts" may be, in milliseconds. */
  longest: number;
  /** What becomes of approvals when the screen is locked. */
  onLock: "suspend" | "forget";
  /** The most questions open at once for one program. */
  maxQuestions: number;
  /** After how many approvals of the same a question shows the rule that "always" writes. */
  offerAfter: number;
  /** Whether a question says, once a day, that rules would have answered many. */
  suggest: boolean;
  /** How long an upstream agent may take for what it answers by itself, in milliseconds. */
  upstreamTimeout: number;
  /** How long a broken policy may leave the old one allow what it allowed, in milliseconds. */
  brokenPolicyAfter: number;
  /** Waits for the disk with each entry of the log. */
  syncLog: boolean;
  /** Where entries of the log go beside its file: "journald", with a socket behind ":", or an OTLP/HTTP URL. */
  logTo: readonly string[];
  /** The file for `ssh -G` instead of the user's own ssh_config. */
  sshConfig: string | undefined;
  /**
   * Folders in which `ControlMaster auto` makes its masters: they are taken over. Undefined: those of the
   * user's own ControlPath, and Ansible's.
   */
  controlFolders: readonly string[] | undefined;
  /** Whether ssh says on its stderr that a person is asked: only where that is a terminal, or always. */
  announce: "terminal" | "always";
  /** The program to ask through where SSH_ASKPASS is muxguard-askpass. */
  askpass: string | undefined;
  /** The program that the approver `command` starts, and its arguments. */
  command: readonly string[];
  /** Patterns of the names of rules: what they allow is shown on the desktop. */
  notices: readonly string[];
  /** How this machine joins others; undefined where it stays by itself. */
  fleet: FleetConfig | undefined;
}

export const defaults: Config = {
  upstreamAgents: [],
  approvers: ["notification", "tmux", "terminal", "askpass", "queue"],
  areApproversNamed: false,
  remember: 10 * 60_000,
  timeout: 60_000,
  yes: "lasting",
  longest: 12 * 60 * 60_000,
  onLock: "suspend",
  maxQuestions: 10,
  offerAfter: 2,
  suggest: true,
  upstreamTimeout: 10_000,
  brokenPolicyAfter: 5 * 60_000,
  syncLog: false,
  logTo: [],
  sshConfig: undefined,
  controlFolders: undefined,
  announce: "terminal",
  askpass: undefined,
  command: [],
  notices: [],
  fleet: undefined,
};

/** @throws SettingsError */
export async function readConfig({ config }: Pick<Paths, "config">): Promise<Config> {
  const path = join(config, "config.toml");
  const file = await readSettings(path, "config");
  if (!file) return { ...defaults };
  const upstream = file.upstream_agent ?? [];
  return {
    upstreamAgents: (typeof upstream === "string" ? [upstream] : upstream).map(expandHome),
    approvers: file.approvers ?? (file.fleet ? [...defaults.approvers, "fleet"] : defaults.approvers),
    areApproversNamed: file.approvers !== undefined,
    remember: file.remember ?? defaults.remember,
    timeout: file.timeout ?? defaults.timeout,
    yes: file.yes ?? defaults.yes,
    longest: file.longest ?? defaults.longest,
    onLock: file.on_lock ?? defaults.onLock,
    maxQuestions: file.max_questions ?? defaults.maxQuestions,
    offerAfter: file.offer_after ?? defaults.offerAfter,
    suggest: file.suggest === undefined ? defaults.suggest : file.suggest === "on",
    upstreamTimeout: file.upstream_timeout ?? defaults.upstreamTimeout,
    brokenPolicyAfter: file.broken_policy_after ?? defaults.brokenPolicyAfter,
    syncLog: file.sync_log ?? defaults.syncLog,
    logTo: typeof file.log_to === "string" ? [file.log_to] : (file.log_to ?? defaults.logTo),
    sshConfig: file.ssh_config === undefined ? undefined : expandHome(file.ssh_config),
    controlFolders: file.control_dirs?.map(expandHome),
    announce: file.announce ?? defaults.announce,
    askpass: file.askpass === undefined ? undefined : expandHome(file.askpass),
    command: wordsOf(file.command ?? []),
    notices: file.notices ?? defaults.notices,
    fleet: file.fleet && fleetOf(file.fleet, config),
  };
}

/** A text alone is a program, and no command line. */
function wordsOf(command: string | readonly string[]): string[] {
  return (typeof command === "string" ? [command] : command).map(expandHome);
}
