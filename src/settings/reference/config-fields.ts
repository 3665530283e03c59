/**
 * The words of docs/configuration.md for each setting, in Markdown: `npm run reference` makes tables of them, of
 * the schema and of the defaults. No program loads them. A setting without words does not compile.
 */
import type { configSchema, scopeSchema } from "../config-schema.ts";
import type { fleetSchema } from "../fleet/schema.ts";

export interface SettingWords {
  what: string;
  /** What holds without it, where that is no fixed value. */
  without?: string;
}

export const settings: Readonly<
  Record<Exclude<keyof typeof configSchema.shape, "scope" | "fleet">, SettingWords>
> = {
  upstream_agent: {
    what:
      "the sockets of the agents with your keys, used as one: `ssh-add -x` and `-D` then do it at all of them, or " +
      "fail. `private` is an ssh-agent of muxguard's own, that ssh-add fills",
    without: "`SSH_AUTH_SOCK`",
  },
  approvers: { what: "how you are asked, in this order: [the ways](asking.md)" },
  remember: { what: 'what "allow for a while" offers' },
  timeout: { what: "after how long no answer is a denial" },
  yes: { what: "what a plain yes means, as from an askpass program; `remember` is for that time" },
  longest: { what: '"while this lasts" is never longer' },
  on_lock: { what: "what becomes of approvals when the screen is locked" },
  max_questions: {
    what: "open at once for one program; beyond that, and beyond 32 for a run, it is denied without asking",
  },
  offer_after: {
    what: 'approvals of the same, after which the question shows the rule that "always" writes',
  },
  suggest: { what: "whether once a day a question says that rules would help", without: "`on`" },
  upstream_timeout: { what: "for an agent; 2 minutes for what may wait for a person, as signatures do" },
  broken_policy_after: {
    what: "for so long a broken policy leaves the old one in force; then what that allows is asked",
  },
  sync_log: { what: "whether each entry waits for the disk" },
  log_to: { what: "a second place for entries: `journald`, or the URL of an OTLP/HTTP endpoint" },
  ssh_config: {
    what: "the file for aliases and known_hosts files",
    without: "yours and the system's",
  },
  control_dirs: {
    what: "masters that ssh makes in these folders are taken over",
    without: "the folder of your ControlPath, and Ansible's",
  },
  askpass: { what: "the program behind `muxguard-askpass`", without: "one that is installed" },
  command: {
    what: "what the approver `command` starts, with its arguments: [its protocol](command-approver.md)",
  },
  notices: { what: "patterns of names of rules: what these allow is shown on the desktop" },
  announce: {
    what: "whether a session that waits for an answer says so on its stderr only if that is a terminal",
  },
};

export const scopeSettings: Readonly<Record<keyof typeof scopeSchema.shape, SettingWords>> = {
  confine: { what: "that it is [confined](confined-runs.md)", without: "as `ride` says" },
  ride: { what: "that its ssh rides on connections of the guard's" },
  policy: {
    what: "the file with its rules, in place of your policy; a path from config.toml's folder on",
    without: "your policy",
  },
  hide: { what: "folders that are empty for it, and files that it can't read" },
  read_only: { what: "files and folders that it can't write to" },
  writable: {
    what: "what it may write to although a confined run may not, such as a shell's rc files",
  },
  desktop: { what: "whether the session bus, X11 and Wayland are there for it" },
  network: { what: "whether the network is; rides go on without it" },
  nested: { what: "whether what runs in it may make sandboxes of its own (user namespaces)" },
};

export const fleetSettings: Readonly<Record<keyof typeof fleetSchema.shape, SettingWords>> = {
  servers: {
    what: "the addresses of NATS servers; `tls://` takes no connection without TLS",
    without: "it must be there",
  },
  machine: { what: "the name of this machine, which no other one has", without: "it must be there" },
  credentials: {
    what: "a NATS creds file, or the seed of an nkey, that you alone can read",
    without: "none are shown",
  },
  ca: { what: "the certificates that the server's must be signed by", without: "those of Node" },
  cert: { what: "this machine's own certificate, where the server asks for one", without: "none" },
  cert_key: { what: "the private key of `cert`", without: "none" },
  signers: {
    what: "whose signatures count: an allowed_signers file of `ssh-keygen -Y verify`",
    without: "`allowed_signers`",
  },
  machine_key: {
    what: "this machine's private key: it seals its entries in the fleet's log",
    without: "no seals",
  },
  fleet_policy: {
    what: "where the fleet's policy stands to this machine's own; what it denies comes first in any case",
    without: "`before`",
  },
  self: {
    what: "whether answers count that come from the machine that asks: all, none, or those of a list of persons",
    without: "`false`",
  },
  person: {
    what: "who answers here with `muxguard watch --fleet`, as `signers` has it: letters, digits, `-` and `_`",
    without: "nobody",
  },
  person_credentials: { what: "as `credentials`, for who answers", without: "`credentials`" },
  person_key: { what: "the public key that the agent signs answers with", without: "nobody answers here" },
};
