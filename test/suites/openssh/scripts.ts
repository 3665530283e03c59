/** Scripts of OpenSSH's regression suite that use an agent or a shared connection. */

/**
 * What the guard stands in front of.
 * - agent: each agent that the script starts.
 * - own: each master that the script makes.
 * - shared: a master that the script knows nothing of, over which its plain connections go.
 */
export type Place = "agent" | "own" | "shared";

export interface Script {
  name: string;
  place: Place;
}

const agent = [
  "agent",
  "agent-getpeereid",
  "agent-timeout",
  "agent-ptrace",
  "agent-subprocess",
  "agent-restrict",
  "agent-pkcs11",
  "hostkey-agent",
  "cert-file",
  "sshsig",
];
/** Without forward-control, which takes over five minutes bare, and looks at sshd alone. */
const own = ["multiplex", "forwarding", "dynamic-forward"];
/**
 * Without those that look at what a connection of their own does, and fail over a shared one bare, too (banner,
 * connection-timeout, host-expand, localcommand, rekey), and those that start no ssh (scp, scp-uri, sftp).
 */
const shared = [
  "connect",
  "proxy-connect",
  "connect-uri",
  "exit-status",
  "exit-status-signal",
  "transfer",
  "envpass",
  "stderr-data",
  "stderr-after-eof",
  "broken-pipe",
  "yes-head",
  "forcecommand",
  "key-options",
  "scp3",
  "sftp-uri",
  "sftp-chroot",
  "channel-timeout",
];

const placed = (place: Place, names: readonly string[]): Script[] => names.map((name) => ({ name, place }));

export const scripts: readonly Script[] = [
  ...placed("agent", agent),
  ...placed("own", own),
  ...placed("shared", shared),
];
