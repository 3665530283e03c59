/** The fields of rules, and the facts of requests, as flags. */
import type { Command } from "commander";

/** How a value is written: a text, several texts, a number, or nothing but the flag itself. */
type FlagKind = "text" | "texts" | "number" | "flag" | "yes or no";

interface Flag {
  /** As it stands in a file. */
  field: string;
  kind: FlagKind;
  /** What the value is. */
  value: string;
  help: string;
}

function flag(field: string, kind: FlagKind, value: string, help: string): Flag {
  return { field, kind, value, help };
}

const asked: readonly Flag[] = [
  flag("host_key", "text", "fingerprint", "the host key that it proves: SHA256:…"),
  flag("port", "number", "port", "its port"),
  flag("user", "text", "name", "the user to log in as"),
  flag("namespace", "text", "name", 'what is signed for: "git", "file"'),
  flag("repository", "text", "folder", "git's repository"),
  flag("branch", "text", "name", "git's branch"),
  flag("subsystem", "text", "name", "of a session: sftp"),
  flag("listen", "text", "address", "where a forward listens: 127.0.0.1:8080"),
  flag("connect", "text", "address", "where a forward leads: db.internal:5432"),
];

/** What is so or not. */
const switches = Object.entries({
  tty: "whether a session wants a terminal",
  x11: "whether it wants X11 forwarding",
  forward_agent: "whether it wants the agent forwarded",
  forwarded: "whether it comes over agent forwarding",
  container: "whether who asks lives in a container",
});

/** Of a request, for `explain`. */
export const factFlags: readonly Flag[] = [
  flag("on", "text", "kind", "sign, list, session, forward, proxy, terminate, connect, admin or confirm"),
  flag("host", "texts", "name", "where to; what known_hosts and ssh_config say of it counts"),
  ...asked,
  flag("key", "texts", "key", "its fingerprint, its comment, or the path of the key file"),
  flag("operation", "text", "name", "of admin, terminate and confirm: add, exit, use-key …"),
  flag("command", "text", "text", 'of a session; "" is a login shell'),
  flag("environment", "texts", "name", "a variable that a session sets"),
  flag("forward", "text", "kind", "local, remote, dynamic or stdio"),
  flag("program", "texts", "path", "who asks; again for what started that; by name it is looked for in PATH"),
  flag("scope", "text", "name", "the name of the run; without it, outside of runs"),
  flag("verified", "flag", "", "take the host for proven, whatever known_hosts says"),
  ...switches.map(([field, help]) => flag(field, "flag", "", help)),
];

/** Of a rule, for `add`. */
export const ruleFlags: readonly Flag[] = [
  flag("on", "texts", "kind", "sign, list, session, forward, proxy, terminate, connect, admin, confirm"),
  flag("host", "text", "patterns", "names of hosts: web1,*.example.com"),
  ...asked,
  flag("key", "text", "patterns", "fingerprints or comments"),
  flag("operation", "texts", "name", "of admin, terminate and confirm"),
  flag("command", "texts", "pattern", "of a session"),
  flag("environment", "text", "patterns", "variables that a session may set"),
  flag("forward", "texts", "kind", "local, remote, dynamic, stdio"),
  flag("caller", "text", "patterns", "the program, or one that started it"),
  flag("programs", "texts", "path", "all programs of the line, the one that asks first"),
  flag("scope", "text", "patterns", 'names of runs; "" is outside of runs'),
  flag("verified", "yes or no", "", "whether the destination is verified"),
  ...switches.map(([field, help]) => flag(field, "yes or no", "", help)),
  flag("remember", "text", "duration", 'with ask: for how long at most, or "never"'),
  flag("timeout", "text", "duration", "with ask: after how long no answer is a denial"),
  flag("approver", "texts", "kind", "with ask: who may answer"),
];

type Options = Readonly<Record<string, unknown>>;

export function addFlags(command: Command, flags: readonly Flag[]): Command {
  for (const { field, kind, value, help } of flags) {
    const name = `--${field.replaceAll("_", "-")}`;
    if (kind === "flag") command.option(name, help);
    else if (kind === "texts") command.option(`${name} <${value}>`, `${help} (may be said again)`, collect);
    else command.option(`${name} <${value || "yes|no"}>`, help);
  }
  return command;
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** By the names that files have; what is no number or no yes stays a text, which the schema refuses. */
export function readFlags(options: Options, flags: readonly Flag[]): Record<string, unknown> {
  const given = flags.flatMap(({ field, kind }): [string, unknown][] => {
    const value = options[field.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())];
    return value === undefined ? [] : [[field, typeof value === "string" ? parse(value, kind) : value]];
  });
  return Object.fromEntries(given);
}

function parse(text: string, kind: FlagKind): unknown {
  if (kind === "number" && /^\d+$/.test(text)) return Number(text);
  if (kind === "yes or no" && (text === "yes" || text === "no")) return text === "yes";
  return text;
}
