/** What is asked for, by whom and where to: the facts that rules match, prompts show and the log keeps. */

export const requestKinds = [
  "sign",
  "list",
  "session",
  "forward",
  "proxy",
  "terminate",
  "connect",
  "admin",
  "confirm",
] as const;
export type RequestKind = (typeof requestKinds)[number];

/** What changes the agent itself rather than using a key: `on = ["admin"]`. */
export const adminOperations = [
  "add",
  "remove",
  "remove-all",
  "add-smartcard",
  "remove-smartcard",
  "lock",
  "unlock",
] as const;
export type AdminOperation = (typeof adminOperations)[number];

/** What ends or changes a shared connection: `-O exit`, `-O stop`, `-O cancel` of ssh(1). */
export const connectionOperations = ["exit", "stop", "cancel"] as const;

/**
 * What OpenSSH itself asks a person about, through SSH_ASKPASS: `on = ["confirm"]`; `add`, `exit` and `stop`
 * too.
 */
export const confirmOperations = [
  "use-key",
  "share",
  "forward",
  "proxy",
  "trust-host-key",
  "update-host-keys",
] as const;

/** Those that a rule may name. */
export const ruledOperations = [...adminOperations, ...connectionOperations, ...confirmOperations] as const;

/**
 * What a person does with muxguard itself. No rule allows it to what is guarded, which is refused and logged.
 */
export const controlOperations = [
  "approve",
  "deny",
  "forget",
  "lock-all",
  "unlock-all",
  "upstream",
  "stop-guard",
  "restart-guard",
  "reload",
] as const;
export type ControlOperation = (typeof controlOperations)[number];

/** What fails with the guard's own sockets and agents, of which the log tells too. */
export const faultOperations = ["use-socket", "use-upstream", "answer-fleet", "fleet-policy"] as const;
export type FaultOperation = (typeof faultOperations)[number];

/** Whether it is a signature by which something is decided in a fleet: PROTOCOL.sshsig, its namespace. */
export function decidesInFleet({ namespace }: Pick<Request, "namespace">): boolean {
  return namespace?.startsWith("muxguard-") ?? false;
}

/** What happens to muxguard itself, and nobody asked for. */
export const guardEvents = [
  "policy-broken",
  "policy-mended",
  "lock-removed",
  "socket-replaced",
  "daemon-lost",
  "daemon-replaced",
] as const;
export type GuardEvent = (typeof guardEvents)[number];

export type Operation =
  | AdminOperation
  | (typeof connectionOperations)[number]
  | (typeof confirmOperations)[number]
  | ControlOperation
  | FaultOperation
  | GuardEvent;

/**
 * Answers that change whom ssh trusts from then on. Neither `default = "allow"` nor a rule on other things
 * gives them: a rule has to name the operation.
 */
export function isTrust(operation: Operation | undefined): boolean {
  return operation === "trust-host-key" || operation === "update-host-keys";
}

/** How ssh(1) has them: `-L`, `-R`, `-D`, and `-W` (which is ProxyJump's too). */
export const forwardKinds = ["local", "remote", "dynamic", "stdio"] as const;

export interface Forward {
  kind: (typeof forwardKinds)[number];
  /**
   * Where connections are accepted: `127.0.0.1:8080`, `*:8080`, `[::1]:8080`, `localhost:8080` if no address
   * was named, or the path of a socket.
   */
  listen?: string;
  /**
   * Where they lead: `db.internal:5432`, or the path of a socket. Absent for a dynamic forward, whose clients
   * say it each time; `*` for a remote one that does the same.
   */
  connect?: string;
  /** Where the path that is on this machine leads in the end, if that is elsewhere than it says. */
  target?: string;
}

export interface Request {
  kind: RequestKind;
  /** Absent where there is no host to speak of: SSHSIG signatures, admin operations. */
  destination?: Destination;
  /** The user name to log in as. */
  user?: string;
  key?: KeyFacts;
  /**
   * What is to be signed. "opaque" data has no known shape, so nobody can say what the signature is good for;
   * nor what a yes is to a question in words that OpenSSH doesn't use.
   */
  data?: "userauth" | "sshsig" | "opaque";
  /** Of opaque data: it can't be a login, nor a certificate for one, so that no host is meant. */
  noLogin?: true;
  /** The SSHSIG namespace: "git", "file". */
  namespace?: string;
  /**
   * Where git asks: its repository's folder, the branch, and the URL that it is pushed to. Claimed: who asks
   * can have written all files that say so.
   */
  repository?: string;
  branch?: string;
  remote?: string;
  operation?: Operation;
  /** The PKCS#11 library that a smartcard operation loads into the agent. Claimed. */
  provider?: string;
  /** What limits a key that is added, in words: "for 600 seconds", "asks at each use". */
  constraints?: string[];
  /** What a session runs; a login shell is the empty command. */
  command?: string;
  subsystem?: string;
  /**
   * Whether a session wants a terminal, X11 forwarding, and the forwarding of the agent. Absent where it does
   * not.
   */
  tty?: true;
  x11?: true;
  forwardAgent?: true;
  /** The names of the variables that a session wants to set. */
  environment?: string[];
  forward?: Forward;
  /** The question as an OpenSSH program words it. Claimed. */
  prompt?: string;
  /**
   * The hosts that the agent connection was forwarded through, the nearest first; one without names and host
   * key stands for who knows how many.
   */
  path: Host[];
  /** True if the request came over a forwarded agent connection, or may have. */
  forwarded: boolean;
}

/** The part of a request that says what git asks it for. */
export type GitClaims = Pick<Request, "repository" | "branch" | "remote">;

/** The part of a request that says where it goes, and over which hosts. */
export type Whereabouts = Pick<Request, "destination" | "user" | "path" | "forwarded"> & GitClaims;

export interface KeyFacts {
  /** As the blob names it: `ssh-ed25519`. Absent in a question of OpenSSH's, which leaves it out. */
  type?: string;
  /** `SHA256:` and base64 without padding. */
  fingerprint: string;
  /** As the agent lists it; whoever added the key chose it. */
  comment?: string;
}

/** A host that proved its key. */
export interface Host {
  /**
   * Names that known_hosts gives for the proven host key, and the aliases of ssh_config that lead to them; the
   * best one to show first. Without brackets and port.
   */
  names: string[];
  /** What the first name stands for in known_hosts, if that is another name. */
  address?: string;
  /** The port that the known_hosts entry of the first name has. */
  port?: number;
  /** The ports of all entries, where there are several. */
  ports?: number[];
  /** The host key's fingerprint. */
  hostKey?: string;
  /** Of one that proved none: those of which ssh takes any, where known_hosts has some for it. */
  hostKeys?: string[];
  /**
   * What ssh looks up in known_hosts to get there, as it is written there: `name` or `[name]:port`. A name of
   * one entry with the port of another one leads elsewhere.
   */
  lookups?: string[];
  /** Further names that it has, which nobody can read: hashed lines of known_hosts. */
  unread?: UnreadNames;
  /** Aliases of which ssh_config leaves it open whether they lead there. */
  maybe?: MaybeNames;
}

/** In lower case. */
export interface MaybeNames {
  readonly names: readonly string[];
}

/** Only whether a name is among them can be said. */
export interface UnreadNames {
  has(name: string): boolean;
}

export interface Destination extends Host {
  /**
   * True if the host proved its key for this very request, and known_hosts knows the key. `names` is empty
   * otherwise.
   */
  verified: boolean;
  /** In a few words, how it was verified or why it is not: "host key known", "no session-bind". */
  how: string;
  /** The host as the caller's command line has it: shown as claimed, never matched. */
  claimed?: string;
}

/** The identity of a process: pids are used again. */
export interface ProcessId {
  pid: number;
  /** Clock ticks since boot. */
  startTime: string;
}

/** The identity as text, to compare. */
export function processKey({ pid, startTime }: ProcessId): string {
  return `${pid} ${startTime}`;
}

export interface Process extends ProcessId {
  /** Absent if the kernel doesn't tell, as for another user's process. */
  exe?: string;
  /** What runs is not the file at `exe`: that was removed or replaced, or the path leads elsewhere. */
  exeDeleted?: true;
  /** It sees other files than the guard (mount_namespaces(7)): `exe` is what it makes of its path. */
  exeForeign?: true;
  /** Device and inode of the file that runs, as text to compare. */
  exeFile?: string;
  /** If its name is a shell's, it is one: only root can have put it there. Its file and the folder are root's. */
  systemShell?: true;
  /** Root alone decides what it is: its file and the folders are root's, or it hides and is root's. */
  ofRoot?: true;
  /** It leads the session that a terminal is for: setsid(2). The shell of a terminal does. */
  leadsTerminal?: true;
  /** The process's own name for itself. Claimed. */
  name: string;
  /** Claimed. */
  cmdline: string[];
}

export interface Caller extends Process {
  cwd?: string;
  /** As `ps` shows it: `/dev/pts/3`. */
  tty?: string;
  /** The login session, or the POSIX session where the kernel keeps no login sessions. */
  session: string;
  /** The process that leads the POSIX session, as the shell of a terminal does; absent if it has ended. */
  leader?: ProcessId;
  /** The parent first. */
  ancestors: Process[];
  /** True if it lives in another pid or mount namespace than the guard. */
  container: boolean;
  /**
   * The `muxguard run` whose socket the request came through: its name, the process that holds it, and whether
   * namespaces of its own do.
   */
  run?: { name: string; pid: number; confined?: boolean };
}
