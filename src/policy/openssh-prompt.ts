/**
 * What the programs that use SSH_ASKPASS ask, read from their words: ask_permission() in OpenSSH's readpass.c
 * and its callers (ssh-agent.c, mux.c, sshconnect.c), confirm() in sshconnect.c, and git's credential.c.
 *
 * The words hold what others chose: the comment of a key, the user name in a signed request, the addresses of
 * a forward. So a question is either exactly what OpenSSH would ask about something harmless to quote, or
 * opaque: whoever adds a key can't write another key's fingerprint into its comment.
 */
import type { Forward, Operation, Request } from "./request.ts";

/** `SSH_ASKPASS_PROMPT`: "confirm", "none", or absent. */
export type PromptHint = string | undefined;

/**
 * "words": the answer has to be a "yes" in words. "secret" is not shown while it is typed, "text" is;
 * "notice" has no answer.
 */
export type PromptKind = "confirm" | "secret" | "text" | "notice";

/**
 * ask_permission() cuts its question off at 1,023 bytes: behind that could be what tells a forged one from a
 * true one.
 */
const CUT_OFF = 1023;

/** format_forward() cuts addresses off: `%.200s`. */
const MAX_ADDRESS = 199;

/** What `muxguard init` asks: opaque like any other text, so that no answer to it is remembered. */
export const TEST_PROMPT =
  "This is only a test of muxguard init: nothing is allowed by a yes, and nothing denied by a no.";

/** A host as ssh prints it: no spaces, no quotes. */
const HOST = String.raw`[\w.:%[\]-]+`;
const FINGERPRINT = "SHA256:[A-Za-z0-9+/]{43}";

type Facts = Pick<Request, "operation" | "key" | "user" | "forward"> & { host?: string; hostKey?: string };

/** Facts from the groups of a match; undefined if they are none after all. */
type Read = (...groups: string[]) => Facts | undefined;

const sharing = (operation: Operation): Read => {
  return (host = "") => ({ operation, host });
};

/** With the hint "confirm", each from its first character to its last. */
const permissions: readonly (readonly [RegExp, Read])[] = [
  [
    new RegExp(
      String.raw`^Allow use of key ([^\n]*)\?\nKey fingerprint (${FINGERPRINT})\.` +
        String.raw`(?:\npublic key authentication request for user "([^"\n]*)" to listed host)?$`,
    ),
    (comment = "", fingerprint = "", user) => ({
      operation: "use-key",
      key: { fingerprint, comment },
      ...(user !== undefined && { user }),
    }),
  ],
  [new RegExp(`^Allow shared connection to (${HOST})\\? $`), sharing("share")],
  [new RegExp(`^Terminate shared connection to (${HOST})\\? $`), sharing("exit")],
  [new RegExp(`^Disable further multiplexing on shared connection to (${HOST})\\? $`), sharing("stop")],
  [/^Allow multiplex proxy connection\?$/, () => ({ operation: "proxy" })],
  [new RegExp(`^Open (local|remote|dynamic) forward (\\S+) -> (\\S+) on (${HOST})\\?$`), forwardOf],
  [/^Allow forward to \[([^\s[\]]+)\]:(\d+)\? $/, (host = "", port) => stdio(address(`${host}:${port}`))],
  [
    /^Allow forward to ([^\s[\]]+):(\d+)\? $/, // before 10.0, with the number of PORT_STREAMLOCAL unsigned
    (host = "", port) => stdio(address(`${host}:${port === "4294967294" ? "-2" : port}`)),
  ],
  [/^Allow forward to path (\/\S*)$/, (path) => stdio(path)],
  [/^Add key \S+ \([^\n]*\) to agent\?$/, () => ({ operation: "add" })],
];

/**
 * Without a hint: the answer is a word. From OpenSSH 9.2 to 10; the drawing of `VisualHostKey` may be between
 * the lines.
 */
const questions: readonly (readonly [RegExp, Read])[] = [
  [
    new RegExp(
      String.raw`^The authenticity of host '(${HOST}) \([^\n()']*\)' can't be established` +
        String.raw`(?:\.|\nbut keys of different type[^\n]*\.)\n` +
        String.raw`[\w-]+ key fingerprint is:? (${FINGERPRINT})\.?\n[^]*` +
        String.raw`Are you sure you want to continue connecting \(yes/no(?:/\[fingerprint\])?\)\? $`,
    ),
    (host = "", hostKey = "") => ({ operation: "trust-host-key", host, hostKey }),
  ],
  [/^Accept updated hostkeys\? \(yes\/no\): $/, () => ({ operation: "update-host-keys" })],
];

/**
 * Questions in words that no pattern above knows, as of other versions; and what confirm() says if it got no
 * such word.
 */
const inWords =
  /^The authenticity of host '|\(yes\/no(?:\/\[fingerprint\])?\)(?:\?|:) ?$|^Please type 'yes'(?:, 'no'| or 'no')/;

/** What git wants to know beside secrets (credential.c), and what svn and others do through it. */
const plain = /^Username(?: for '[^\n]*')?: ?$/;

export function promptKind(text: string, hint: PromptHint): PromptKind {
  if (hint === "none") return "notice";
  if (hint === "confirm" || questions.some(([pattern]) => pattern.test(text))) return "confirm";
  return inWords.test(text) || plain.test(text) ? "text" : "secret";
}

/**
 * The request that a question is. One that can't be read exactly is opaque. @param asker what the program is
 * called: `ssh-agent`
 */
export function confirmRequest(text: string, hint: PromptHint, asker: string): Request {
  const facts = readFacts(text, hint === "confirm" ? permissions : questions);
  const { host, hostKey, ...asked } = facts ?? { data: "opaque" as const };
  const how = `as ${asker} says; nobody has checked it`;
  return {
    kind: "confirm",
    ...(host !== undefined && {
      destination: {
        verified: false,
        names: [],
        how,
        claimed: host,
        ...(hostKey !== undefined && { hostKey }),
      },
    }),
    ...asked,
    prompt: text,
    path: [],
    forwarded: false,
  };
}

function readFacts(
  text: string,
  known: readonly (readonly [RegExp, Read])[],
): (Facts & { data?: never }) | undefined {
  if (Buffer.byteLength(text) >= CUT_OFF && known === permissions) return undefined;
  for (const [pattern, read] of known) {
    const groups = pattern.exec(text);
    if (groups) return read(...groups.slice(1));
  }
  return undefined;
}

function forwardOf(kind = "", listen = "", connect = "", host = ""): Facts | undefined {
  if (kind !== "local" && kind !== "remote" && kind !== "dynamic") return undefined;
  const from = address(listen);
  // a remote forward to port 0 is a SOCKS proxy on the far side: `-R 1080`
  const to = connect === "*" || (kind === "remote" && connect.endsWith(":0")) ? "*" : address(connect);
  if (from === undefined || to === undefined || (kind === "dynamic") !== (connect === "*")) return undefined;
  const forward: Forward = { kind, listen: from, ...(kind !== "dynamic" && { connect: to }) };
  return { operation: "forward", forward, host };
}

function stdio(connect: string | undefined): Facts | undefined {
  return connect === undefined ? undefined : { operation: "forward", forward: { kind: "stdio", connect } };
}

/**
 * `host:port` with the host's own colons in brackets, or the path of a socket, whose port is printed as -2
 * (PORT_STREAMLOCAL). Undefined if it was, or may have been, cut off.
 */
function address(printed: string): string | undefined {
  const [, name = "", port = ""] = /^(.*):(-?\d+)$/.exec(printed) ?? [];
  if (name === "" || name.length > MAX_ADDRESS) return undefined;
  if (port === "-2") return name.startsWith("/") ? name : undefined;
  if (port.startsWith("-") || name.includes("/")) return undefined;
  const host = name === "LOCALHOST" ? "localhost" : name;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
