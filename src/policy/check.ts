/**
 * What a policy says that its author can hardly mean: rules that can never match, and fields that say nothing.
 * And what becomes of requests of which can't be said whether a rule matches.
 */
import { matchList } from "./match/pattern.ts";
import type { Policy, Rule } from "./policy.ts";
import { isTrust, type RequestKind } from "./request.ts";

type Field = keyof Rule;

/** In a file it is followed by what it is about. */
export interface Remark {
  kind: "warning" | "note";
  /** Which of the rules. */
  rule: number;
  /** The field; absent where it is about the rule as a whole. */
  field?: Field;
  /** May hold text of the file: to be shown through visible(). */
  text: string;
}

export function checkPolicy(policy: Pick<Policy, "rules" | "default">): Remark[] {
  return policy.rules.flatMap((rule, at) => [
    ...checkFields(rule).map((found): Remark => ({ kind: "warning", rule: at, ...found })),
    ...checkOrder(policy.rules, at),
    ...noteDoubt(policy, at),
  ]);
}

interface Found {
  field: Field;
  text: string;
}

function checkFields(rule: Rule): Found[] {
  return [
    ...checkHosts(rule),
    ...checkKeys(rule),
    ...checkRepositories(rule),
    ...checkKinds(rule),
    ...checkAnswers(rule),
  ];
}

function itemsOf(list: string | undefined): string[] {
  return (list ?? "").split(",").map((item) => item.trim().replace(/^!\s*/, ""));
}

function checkHosts({ host, host_key, verified }: Rule): Found[] {
  const hosts = itemsOf(host).flatMap((item): Found[] => {
    const [, port] = /^(?:[^:]+|\[.*\]):(\d+)$/.exec(item) ?? [];
    const [, user] = /^([^@]+)@/.exec(item) ?? [];
    const never = (why: string): Found[] => [{ field: "host", text: `never matches "${item}": ${why}` }];
    if (/\s/.test(item)) return never("a list is split at commas, not at blanks");
    if (user !== undefined) return never(`a host has no user; say user = "${user}"`);
    if (port !== undefined) return never(`a host has no port; say port = ${port}`);
    return item.includes("/") ? never("it is no name of a host") : [];
  });
  const keys = itemsOf(host_key).filter((item) => item !== "" && !item.startsWith("SHA256:"));
  const told = keys.map((item): Found => {
    return { field: "host_key", text: `never matches "${item}": a fingerprint begins with SHA256:` };
  });
  const claimed = "never matches with verified = false: what is claimed has no host key";
  const proof: Found[] =
    verified === false && host_key !== undefined ? [{ field: "host_key", text: claimed }] : [];
  return [...hosts, ...told, ...proof];
}

function checkKeys({ key }: Rule): Found[] {
  const paths = itemsOf(key).filter((item) => /^(?:~|\.{0,2}\/)|\.pub$/.test(item));
  return paths.map((item) => {
    return {
      field: "key",
      text: `"${item}" is a path: a key goes by its fingerprint or comment (ssh-add -l)`,
    };
  });
}

/** It is a folder's path, and git's signatures alone have one. */
function checkRepositories({ repository, branch, namespace }: Rule): Found[] {
  const items = itemsOf(repository).filter((item) => item !== "" && !/^(?:[/*?]|~\/)/.test(item));
  const paths = items.map((item): Found => {
    return { field: "repository", text: `never matches "${item}": it is the path of a folder, as /… or ~/…` };
  });
  const isForGit = namespace === undefined || matchList("git", namespace) === "yes";
  const field = repository !== undefined ? "repository" : branch !== undefined ? "branch" : undefined;
  if (isForGit || field === undefined) return paths;
  return [...paths, { field, text: `never matches: namespace = "${namespace}" leaves out git` }];
}

const atHosts: readonly RequestKind[] = [
  "sign",
  "list",
  "session",
  "forward",
  "proxy",
  "terminate",
  "connect",
  "confirm",
];

/** Which kinds of request have what a field names; a rule for others says nothing with it, or never matches. */
const kindsOf: Partial<Record<Field, readonly RequestKind[]>> = {
  host: atHosts,
  port: atHosts,
  host_key: atHosts,
  user: atHosts,
  key: ["sign", "list", "admin", "confirm"],
  namespace: ["sign", "confirm"],
  repository: ["sign", "confirm"],
  branch: ["sign", "confirm"],
  operation: ["admin", "terminate", "forward", "confirm"],
  command: ["session", "confirm"],
  subsystem: ["session", "confirm"],
  tty: ["session", "confirm"],
  x11: ["session", "confirm"],
  forward_agent: ["session", "confirm"],
  environment: ["session", "confirm"],
  forward: ["forward", "confirm"],
  listen: ["forward", "confirm"],
  connect: ["forward", "confirm"],
};

function checkKinds(rule: Rule): Found[] {
  const { on } = rule;
  if (on === undefined) return [];
  return (Object.entries(kindsOf) as [Field, readonly RequestKind[]][]).flatMap(([field, kinds]) => {
    if (rule[field] === undefined || on.some((kind) => kinds.includes(kind))) return [];
    const missing = `says nothing of ${on.map((kind) => `"${kind}"`).join(", ")}; add "${kinds[0]}" to on`;
    return [{ field, text: missing }];
  });
}

function checkAnswers(rule: Rule): Found[] {
  if (rule.action === "ask") return [];
  const fields = (["remember", "timeout", "approver"] as const).filter((field) => rule[field] !== undefined);
  return fields.map((field) => ({ field, text: `says nothing where the action is "${rule.action}"` }));
}

function checkOrder(rules: readonly Rule[], at: number): Remark[] {
  const rule = rules[at] as Rule;
  const earlier = rules.slice(0, at).find((one) => takesAll(one, rule));
  if (!earlier) return [];
  return [
    { kind: "warning", rule: at, text: `never matches: rule "${earlier.name}" before it takes all of it` },
  ];
}

const ofAnswer: ReadonlySet<string> = new Set<Field>(["name", "action", "remember", "timeout", "approver"]);

/** Fields that mean less in a rule that allows than in one that denies. */
const narrowed: readonly Field[] = [
  "command",
  "subsystem",
  "environment",
  "connect",
  "caller",
  "programs",
  "repository",
  "branch",
];

/** Whether the first names nothing that the second does not name as well. */
function takesAll(first: Rule, second: Rule): boolean {
  const fields = Object.keys(first).filter((field) => !ofAnswer.has(field) && field !== "on") as Field[];
  const isSame = (field: Field): boolean => JSON.stringify(first[field]) === JSON.stringify(second[field]);
  if (!fields.every((field) => first[field] === undefined || isSame(field))) return false;
  if (first.on === undefined ? second.on?.includes("list") : !isWithin(second.on, first.on)) return false;
  if (first.action !== "allow" || second.action === "allow") return !second.operation?.some(isTrust);
  return !second.operation?.some(isTrust) && narrowed.every((field) => first[field] === undefined);
}

function isWithin(some: readonly string[] | undefined, all: readonly string[]): boolean {
  return some?.every((one) => all.includes(one)) ?? false;
}

const ofGit = "what git says of its repository is claimed, and any signature for git";

/** What happens where nobody can say whether a rule that denies or asks is meant: by host, or by repository. */
function noteDoubt({ rules, default: fallback }: Pick<Policy, "rules" | "default">, at: number): Remark[] {
  const rule = rules[at] as Rule;
  const field = (["host", "host_key", "port", "repository", "branch"] as const).find(
    (one) => rule[one] !== undefined,
  );
  if (field === undefined || rule.action === "allow" || rule.verified !== undefined) return [];
  const later = rules.slice(at + 1).find(({ action }) => action === "allow");
  const allowing = later ? `rule "${later.name}"` : fallback === "allow" ? "the default" : undefined;
  const which = field === "repository" || field === "branch" ? ofGit : "a destination that can't be verified";
  const could = `${which} could be this one: it is`;
  const what =
    allowing === undefined
      ? `${could} asked about or denied, as what comes later says`
      : `${could} asked about where ${allowing} would allow it`;
  return [{ kind: "note", rule: at, field, text: what }];
}
