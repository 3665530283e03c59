/**
 * Rules, requests and callers by chance, of few words: so that they often meet. The same seed makes the same
 * ones.
 */
import type { Rule } from "../../../src/policy/policy.ts";
import {
  adminOperations,
  type Caller,
  confirmOperations,
  connectionOperations,
  type Destination,
  forwardKinds,
  type Process,
  type Request,
  requestKinds,
} from "../../../src/policy/request.ts";

export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** From 0, less than 1: mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  is(share: number): boolean {
    return this.next() < share;
  }

  of<T>(all: readonly T[]): T {
    return all[Math.floor(this.next() * all.length)] as T;
  }

  some<T>(all: readonly T[], most: number, least = 0): T[] {
    const count = least + Math.floor(this.next() * (most - least + 1));
    return Array.from({ length: count }, () => this.of(all));
  }

  maybe<T extends object>(share: number, make: () => T): Partial<T> {
    return this.is(share) ? make() : {};
  }
}

const words = ["a", "A", "ab", "b", "ba.c", "prod-1", "Prod-1", "İ", "__proto__", "constructor", "x y", "ΑΣ"];
const wild = ["*", "a*", "*b", "?", "a?", "*.c", "pro*-1", "PROD*", "*_", "__*", "?*", "*a*", "b*c", "co*r"];
const commands = ["", "id", "id a", "id a,b", "id; ls", "'id' a", "ls -l", "*"];
const commandPatterns = [...commands, "id *", "* a", "i?", "?d a", "*a*", "ls*-l", "!id"];
const addresses = ["a:22", "A:22", "b:80", "*", "/run/a", "localhost:1"];
const addressPatterns = [...addresses, "a:*", "*:22", "/run/*", "b*:80"];
const paths = ["/usr/bin/a", "/usr/bin/ab", "/opt/a", "/usr/bin/bash", "/usr/bin/python3", "/opt/b/a", "a"];
const programs = [...paths, ...words, "*/a", "/opt/*", "/usr/*/ab", "?b", "*bash"];
const scripts = ["/srv/x.sh", "-c", "y", "--"];
const keys = ["SHA256:a", "SHA256:ab", "a", "ab", "prod-1"];
const operations = [...adminOperations, ...connectionOperations, ...confirmOperations];

/** As policy.toml has them. */
function list(chance: Chance, items: readonly string[]): string {
  const one = (): string =>
    `${chance.is(0.15) ? "!" : ""}${chance.is(0.1) ? " " : ""}${chance.of(items)}${chance.is(0.1) ? " " : ""}`;
  return Array.from({ length: chance.of([1, 1, 1, 2, 3]) }, one).join();
}

const names = [...words, ...wild];

/** What a rule may name. */
const fields: { [field in keyof Rule]?: (chance: Chance) => NonNullable<Rule[field]> } = {
  on: (chance) => chance.some(requestKinds, 3, 1),
  host: (chance) => list(chance, names),
  host_key: (chance) => chance.of(keys),
  port: (chance) => chance.of([22, 80, [22, 80]]),
  user: (chance) => list(chance, names),
  key: (chance) => list(chance, [...keys, ...wild, "SHA256:*"]),
  namespace: (chance) => list(chance, ["git", "file", "g*"]),
  repository: (chance) => list(chance, [...paths, "/opt/*", "*"]),
  branch: (chance) => list(chance, ["main", "m*"]),
  operation: (chance) => chance.some(operations, 3, 1),
  command: (chance) => (chance.is(0.5) ? chance.of(commandPatterns) : chance.some(commandPatterns, 3, 1)),
  subsystem: (chance) => list(chance, ["sftp", "s*"]),
  tty: (chance) => chance.is(0.5),
  x11: (chance) => chance.is(0.5),
  forward_agent: (chance) => chance.is(0.5),
  environment: (chance) => list(chance, ["LANG", "LC_*", ""]),
  forward: (chance) => chance.some(forwardKinds, 2, 1),
  listen: (chance) => list(chance, addressPatterns),
  connect: (chance) => list(chance, addressPatterns),
  caller: (chance) => list(chance, programs),
  programs: (chance) => chance.some([...paths, "(a)", "/usr/bin/python3 /srv/x.sh"], 2),
  scope: (chance) => list(chance, ["", "", ...names]),
  forwarded: (chance) => chance.is(0.5),
  verified: (chance) => chance.is(0.5),
  container: (chance) => chance.is(0.5),
};
const lookedUp: readonly (keyof Rule)[] = [
  ...(["host", "host", "host", "key", "command", "command", "connect", "connect"] as const),
  ...(["caller", "caller", "programs", "repository", "repository", "user", "scope"] as const),
];

export function randomRule(chance: Chance, place: number): Rule {
  const some = [...chance.some(lookedUp, 2), ...chance.some(Object.keys(fields) as (keyof Rule)[], 2)];
  const named = some.map((field) => [field, fields[field]?.(chance)]);
  const action = chance.of(["allow", "deny", "ask"] as const);
  return { ...Object.fromEntries(named), name: `rule ${place}`, action };
}

export function randomRequest(chance: Chance): Request {
  const kind = chance.of([...requestKinds, "sign", "session", "session", "forward"] as const);
  const isSession = kind === "session" || chance.is(0.1);
  return {
    kind,
    path: [],
    forwarded: chance.is(0.2),
    ...chance.maybe(0.75, () => ({ destination: destination(chance) })),
    ...chance.maybe(0.7, () => ({ user: chance.of(words) })),
    ...chance.maybe(0.6, () => ({
      key: {
        fingerprint: chance.of(["SHA256:a", "SHA256:ab"]),
        ...chance.maybe(0.7, () => ({ comment: chance.of(keys) })),
      },
    })),
    ...chance.maybe(0.6, () => ({ data: chance.of(["userauth", "sshsig", "opaque"] as const) })),
    ...chance.maybe(0.1, () => ({ noLogin: true as const })),
    ...chance.maybe(0.4, () => ({ namespace: chance.of(["git", "file"]) })),
    ...chance.maybe(0.7, () => ({ repository: chance.of(paths), branch: "main" })),
    ...chance.maybe(kind === "confirm" || kind === "admin" ? 0.9 : 0.1, () => {
      return { operation: chance.of(operations) };
    }),
    ...(isSession && chance.is(0.8) && { command: chance.of(commands) }),
    ...(isSession && chance.is(0.15) && { subsystem: "sftp" }),
    ...chance.maybe(0.2, () => ({ tty: true as const, x11: true as const })),
    ...chance.maybe(0.2, () => ({ forwardAgent: true as const, environment: ["LANG"] })),
    ...chance.maybe(kind === "forward" ? 0.9 : 0.2, () => ({
      forward: {
        kind: chance.of(forwardKinds),
        ...chance.maybe(0.7, () => ({ listen: chance.of(addresses) })),
        ...chance.maybe(0.7, () => ({ connect: chance.of(addresses) })),
        ...chance.maybe(0.2, () => ({ target: chance.of(addresses) })),
      },
    })),
  };
}

function destination(chance: Chance): Destination {
  const how = "by chance";
  if (chance.is(0.3))
    return { verified: false, names: [], how, ...chance.maybe(0.5, () => ({ claimed: chance.of(words) })) };
  const hidden = chance.some(words, 2).map((name) => name.toLowerCase());
  return {
    verified: true,
    names: chance.some(words, 2),
    how,
    ...chance.maybe(0.7, () => ({ port: chance.of([22, 80]) })),
    ...chance.maybe(0.7, () => ({ hostKey: chance.of(keys) })),
    ...chance.maybe(0.3, () => ({ unread: { has: (name: string) => hidden.includes(name) } })),
    ...chance.maybe(0.3, () => ({
      maybe: { names: chance.some(words, 2, 1).map((one) => one.toLowerCase()) },
    })),
  };
}

export function randomCaller(chance: Chance): Caller {
  const ancestors = Array.from({ length: chance.of([0, 1, 2, 3, 64]) }, (_, at) => process(chance, 100 + at));
  const run = { name: chance.of(["", ...words]), pid: chance.of([100, 101, 103]) };
  return {
    ...process(chance, 99),
    session: "1",
    ancestors,
    container: chance.is(0.2),
    ...(chance.is(0.5) && { run }),
  };
}

function process(chance: Chance, pid: number): Process {
  const exe = chance.of(paths);
  return {
    pid,
    startTime: "1",
    name: "a",
    cmdline: [exe, ...chance.some(scripts, 2)],
    ...chance.maybe(0.9, () => ({ exe })),
    ...chance.maybe(0.05, () => ({ exeDeleted: true as const })),
    ...chance.maybe(0.05, () => ({ exeForeign: true as const })),
    ...chance.maybe(0.5, () => ({ systemShell: true as const, ofRoot: true as const })),
    ...chance.maybe(0.2, () => ({ leadsTerminal: true as const })),
  };
}
