/**
 * What may be asked over the RPC, and by whom. Types alone: whoever needs to be fast loads nothing else.
 *
 * A guard listens at three kinds of sockets. The daemon's own belongs to the user and to nobody inside of a
 * run: a guarded program that could approve its own requests would not be guarded. `ride` is asked at a ride's
 * socket, `askpass` at those that MUXGUARD_PROMPTS names.
 */
import type { GrantFacts } from "../policy/grants.ts";
import type { Answer, Question } from "../policy/question.ts";
import type { Request } from "../policy/request.ts";

/** What a client may send to a guard. */
export interface FromClient {
  requests: {
    status: { params: null; result: Status };
    /** What to say where nobody can be asked; null where somebody can. */
    reach: { params: null; result: string | null };
    /** The open questions; with what is wanted of them, which is logged where it is refused. */
    pending: { params: "approve" | "deny" | null; result: Question[] };
    /** Answers a question. True if there was one of that id. */
    answer: { params: { id: string; answer: Answer }; result: boolean };
    /** The remembered answers; with what is wanted of them, which is logged where it is refused. */
    grants: { params: "forget" | null; result: GrantFacts[] };
    /** Forgets the answers whose id begins so; all of them for an empty one. Returns how many. */
    forget: { params: string; result: number };
    /** Denies everything from here on, or no longer. */
    lock: { params: boolean; result: Locking };
    /** Points the daemon to another agent; null says which it uses. */
    upstream: { params: PointUpstream | null; result: Upstreams };
    /** Ends the guard, or has it start anew. It closes this connection when it no longer listens. */
    end: { params: { restart: boolean }; result: Ending };
    /** Reads all settings anew. */
    reload: { params: null; result: Reloaded };
    /** Opens a scope for a run. It ends with the connection. */
    openRun: { params: OpenRun; result: OpenedRun };
    /** Opens a master and listens in its place. It stays when the connection ends. */
    open: { params: OpenMaster; result: OpenedMaster };
    /** Ends the master that `open` opened for the destination, and its sessions. */
    close: { params: { host: string }; result: ClosedMaster };
    /** Takes over the master of a control socket, or those of a folder. */
    adopt: { params: { path: string }; result: null };
    /** From what holds a run that this connection opened: the namespaces of a process in it are the run's. */
    confined: { params: { pid: number; moved: string[] }; result: null };
    ride: { params: RideRequest; result: Way };
    askpass: { params: AskpassQuestion; result: AskpassAnswer };
  };
  notifications: Record<never, never>;
}

/** What a guard may send to a client. */
export interface FromGuard {
  requests: {
    /** A question for the client's terminal. */
    ask: { params: Question; result: Answer };
    /** For whoever opens a connection: what ssh wants to know. Null is a no. */
    prompt: { params: PromptRequest; result: string | null };
  };
  notifications: {
    /** A line for the user. */
    report: { line: string };
  };
}

/** The code of an error in the user's settings. */
export const SETTINGS_ERROR = 78;

export interface Status {
  pid: number;
  agentSocket?: string;
  upstream: UpstreamState[];
  runs: number;
  grants: number;
  /** How many of these do not count until the screen is unlocked. */
  suspended: number;
  locked: boolean;
  pending: number;
  policy?: PolicyState;
  /** Of this machine among others. */
  fleet?: FleetFacts;
  /** Those that config.toml names. */
  approvers: Reach[];
  /** What is wrong, a line for each that says what to do about it. Safe for a screen. */
  wrong: string[];
  /** The control sockets that are guarded. */
  masters: GuardedMaster[];
  /** The folders whose masters are taken over. */
  watched: string[];
}

/** An agent behind the guard. */
export interface UpstreamState {
  name: string;
  /** What is wrong with it, in words that follow its name. */
  fault?: string;
}

/** Where the guard's agents come from. */
export type AgentOrigin = "config" | "environment" | "command" | "run" | "none";

export interface PointUpstream {
  /** Absolute. */
  path: string;
  /** "environment": only where the present one came from SSH_AUTH_SOCK too, or where there is none. */
  from: "command" | "environment";
}

export interface Upstreams {
  agents: UpstreamState[];
  origin: AgentOrigin;
  /** Whether it was pointed to another one. */
  changed: boolean;
}

/** What locking or unlocking changed. */
export interface Locking {
  /** Whether it was locked before. */
  was: boolean;
  /** How many answers were forgotten. */
  forgotten: number;
  /** How many questions were denied. */
  denied: number;
  /** Why it is not in the log yet. */
  unlogged?: string | undefined;
}

/** What ends with a guard. */
export interface Ending {
  pid: number;
  /** Connections that end, and those that stay, unguarded. */
  opened: number;
  adopted: number;
  grants: number;
  pending: number;
  runs: number;
  /** Whether the keys of its private agent go. */
  privateAgent: boolean;
  /** Whether its sockets stay, for whoever has made them to start it anew. */
  activated: boolean;
  /** The SSH_AUTH_SOCK that leads to the agent behind it, where config.toml names none. */
  agent?: string;
}

export interface Reloaded {
  /** Settings of config.toml that count from now on, and those that count when it is started anew. */
  applied: string[];
  waiting: string[];
  /** A line for each mistake. The file that has it changes nothing. Safe for a screen. */
  faults: string[];
}

export interface OpenRun {
  name: string;
  /** Absolute; instead of the user's policy. */
  policy?: string;
  /** Absolute; instead of the daemon's upstream agent. */
  upstream?: string;
  /** Absolute: the run's own SSH_AUTH_SOCK, used where neither that nor config.toml names an agent. */
  agent?: string;
  /** Whether the run can ask on its terminal. */
  terminal: boolean;
  /** `--ride`: an agent for SSHSIG signatures alone, and connections through the guard. */
  ride: boolean;
  /** What it is for, as whoever starts it says. */
  why?: string;
  /** `--confine`: namespaces hold it. */
  confined?: ConfinedReach;
}

/** What a confined run reaches of the desktop: whoever is asked there, it could answer for. */
export interface ConfinedReach {
  network: boolean;
  desktop: boolean;
}

export interface OpenedRun {
  agentSocket: string;
  /** For muxguard-askpass. */
  askpassSocket: string;
  /** For a ride: the folder with its programs. */
  rideFolder?: string;
  /** For `ssh -F`, if the guard reads such a file. */
  sshConfig?: string;
  /** The folders whose masters are taken over. */
  watched: string[];
  /** The paths of the agents behind the guard. */
  agents: string[];
}

export interface OpenMaster {
  host: string;
  /** Options for ssh. */
  options: string[];
  /** Where to listen; absent for what the user's own ssh configuration says. */
  controlPath?: string;
  /** Whether whoever opens it can be asked on a terminal. */
  terminal: boolean;
}

export interface OpenedMaster {
  path: string;
  /** True if it was open already. */
  already: boolean;
  /** The other paths of the same connection, if it has any. */
  shares?: string[];
}

export interface ClosedMaster {
  /** What was closed: a path, or a host. */
  path: string;
  /** Where the connection goes on. */
  remaining: string[];
}

export interface GuardedMaster {
  path: string;
  pid: number;
  origin: "opened" | "adopted";
  /** Where its connection leads, as far as that is known; what is not verified is claimed. Safe for a screen. */
  to?: string;
  verified?: boolean;
}

export interface FleetFacts {
  machine: string;
  /** Addresses of the bus. */
  servers: string[];
  /** Why nothing goes over it now. Safe for a screen. */
  fault?: string;
  /** What the fleet says to all machines. Safe for a screen. */
  policy?: string;
}

/** A way to a person. */
export interface Reach {
  kind: string;
  /** Why it can't ask anybody now. */
  fault?: string;
}

export interface PolicyState {
  /** Those that are there, in their order. Safe for a screen. */
  files: string[];
  rules: number;
}

/** From inside of a run, at a socket of its own. */
export interface RideRequest {
  /** In plain words alone: identity/ssh/plain-destination.ts. */
  destination: { host: string; user?: string; port?: number; jump?: string };
  purpose: Pick<Request, "command" | "subsystem" | "forward">;
}

/** The way to a host. */
export interface Way {
  /** A control socket. */
  path: string;
  /** For `ssh -F`, if the guard reads such a file. */
  sshConfig?: string;
}

/** What ssh wants to know while it connects: approver/prompter.ts. */
export interface PromptRequest {
  text: string;
  kind: "secret" | "text" | "notice";
  /** In words that are safe for a screen. */
  asker?: string;
}

/** What ssh, ssh-agent, git or sudo ask through muxguard-askpass. */
export interface AskpassQuestion {
  text: string;
  /** SSH_ASKPASS_PROMPT. */
  hint?: string;
  /** Whether muxguard-askpass can ask on the terminal of whoever runs it. */
  terminal: boolean;
}

/** "here": not a matter of the guard's, muxguard-askpass is to ask itself. */
export type AskpassAnswer = { answer: string } | { denied: string } | { here: "secret" | "text" | "notice" };
