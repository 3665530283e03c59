/** What `muxguard init` finds before it proposes anything. Gathered in look/; tests make it up. */

/** Those whose start-up file can have lines for the guard. */
export type ShellName = "bash" | "zsh" | "fish" | "sh";

export interface FoundShell {
  /** As it is called; another one than these has no lines. */
  name: string;
  /** Its start-up file for what a person types into; undefined where we know no lines. */
  file?: string;
  /** What a login shell reads instead, where that leaves the other one out. */
  login?: string;
}

export interface FoundAgent {
  /** Of its socket. */
  path: string;
  from: "SSH_AUTH_SOCK" | "IdentityAgent" | "gpg-agent";
  answers: boolean;
  /** Whether it has the same path at the next login. */
  lasting: boolean;
}

export interface KeyFile {
  path: string;
  encrypted: boolean;
}

/** What is in config.toml and beside it already. */
export interface FoundSettings {
  /** Whether config.toml names the agent. */
  hasUpstream: boolean;
  scopes: readonly string[];
  /** Whether there are rules: policy.toml, or some in policy.d. */
  hasPolicy: boolean;
}

/** Files that may be changed. */
export interface Places {
  config: string;
  policy: string;
  agentPolicy: string;
  /** The user's own ssh_config; undefined where config.toml names another one. */
  sshConfig?: string;
}

export interface Facts {
  places: Places;
  settings: FoundSettings;
  shell: FoundShell;
  /** How a shell calls muxguard: a word of the shell's. */
  command: string;
  /** How it asks for the daemon's SSH_AUTH_SOCK: `muxguard-env`, or `muxguard env`. */
  envCommand: string;
  /** Where both are; undefined where the command is a path already. */
  folder: string | undefined;
  /** The guard's own socket for the login session. */
  agentSocket: string;
  agents: readonly FoundAgent[];
  /** `IdentityAgent` of ssh_config that leads ssh past the guard, as `file:line`. */
  passing: readonly string[];
  keys: readonly KeyFile[];
  gitHosts: readonly string[];
  /** Of known_hosts and ssh_config, those that are named like production. */
  production: readonly string[];
  /** Names of programs. */
  codingAgents: readonly string[];
  /** Why no run can be confined, with the mend; undefined where one can. */
  unconfinable: string | undefined;
  /** Folders of shared connections that the daemon looks after. */
  controlFolders: readonly string[];
  /** What there is around: "a desktop with notifications", "tmux", "systemd". */
  around: readonly string[];
}
