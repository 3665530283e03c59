/** Fields of a rule that can never match, or say nothing. */
import { matchList } from "../match/pattern.ts";
import type { Rule } from "../policy.ts";
import { checkKinds } from "./kinds.ts";
import { isLiteral, itemsOf, takes } from "./lists.ts";
import type { Field, Found } from "./remark.ts";

export function checkFields(rule: Rule): Found[] {
  return [
    ...each(rule.host, "host", whyNoHost),
    ...checkFingerprints(rule),
    ...each(rule.user, "user", whyNoUser),
    ...checkKeys(rule),
    ...checkRepositories(rule),
    ...checkPrograms(rule),
    ...checkAddresses(rule),
    ...checkExcluded(rule),
    ...checkKinds(rule),
    ...checkAnswers(rule),
  ];
}

/** Of each item of a list, why it never matches; undefined where it may. */
function each(list: string | undefined, field: Field, why: (item: string) => string | undefined): Found[] {
  return itemsOf(list).flatMap(({ text }) => {
    const reason = text === "" ? undefined : why(text);
    return reason === undefined ? [] : [{ field, text: `never matches "${text}": ${reason}` }];
  });
}

function whyNoHost(item: string): string | undefined {
  const [, port] = /^(?:[^:]+|\[.*\]):(\d+)$/.exec(item) ?? [];
  const [, user] = /^([^@]+)@/.exec(item) ?? [];
  if (/\s/.test(item)) return "a list is split at commas, not at blanks";
  if (user !== undefined) return `a host has no user; say user = "${user}"`;
  if (port !== undefined) return `a host has no port; say port = ${port}`;
  if (/^\[.*\]$/.test(item)) return "an address stands without brackets";
  return /[/|#[\]'"\\@]/.test(item) ? "it is no name of a host" : undefined;
}

function whyNoUser(item: string): string | undefined {
  const [, host] = /@(.+)$/.exec(item) ?? [];
  return host === undefined ? undefined : `a user has no host; say host = "${host}"`;
}

function checkFingerprints({ host_key, key, verified }: Rule): Found[] {
  const claimed = "never matches with verified = false: what is claimed has no host key";
  const proof: Found[] =
    verified === false && host_key !== undefined ? [{ field: "host_key", text: claimed }] : [];
  const keys = each(key, "key", (item) => (item.startsWith("SHA256:") ? whyNoFingerprint(item) : undefined));
  return [...each(host_key, "host_key", whyNoHostKey), ...proof, ...keys];
}

function whyNoHostKey(item: string): string | undefined {
  if (!item.startsWith("SHA256:")) return "a fingerprint begins with SHA256:";
  return isLiteral(item) ? whyNoFingerprint(item) : "host keys are compared as they are, without patterns";
}

/** Of 32 bytes, in base64 without padding. */
function whyNoFingerprint(item: string): string | undefined {
  if (!isLiteral(item) || /^SHA256:[A-Za-z0-9+/]{43}$/.test(item)) return undefined;
  return "a fingerprint has 43 characters of base64 behind SHA256:, and no =";
}

function checkKeys({ key }: Rule): Found[] {
  const paths = itemsOf(key).filter(({ text }) => /^(?:~|\.{0,2}\/)|\.pub$/.test(text));
  return paths.map(({ text }) => {
    return {
      field: "key",
      text: `"${text}" is a path: a key goes by its fingerprint or comment (ssh-add -l)`,
    };
  });
}

/** It is a folder's path, and git's signatures alone have one. */
function checkRepositories({ repository, branch, namespace }: Rule): Found[] {
  const paths = each(repository, "repository", (item) =>
    /^(?:[/*?]|~\/)/.test(item) ? undefined : "it is the path of a folder, as /… or ~/…",
  );
  const isForGit = namespace === undefined || matchList("git", namespace) === "yes";
  const field = repository !== undefined ? "repository" : branch !== undefined ? "branch" : undefined;
  if (isForGit || field === undefined) return paths;
  return [...paths, { field, text: `never matches: namespace = "${namespace}" leaves out git` }];
}

function checkPrograms({ caller, programs = [] }: Rule): Found[] {
  const callers = each(caller, "caller", (item) =>
    !item.includes("/") || /^[/*?]/.test(item) ? undefined : "the path of a program begins with /",
  );
  const relative = programs.filter((program) => !/^[/(]/.test(program));
  return [
    ...callers,
    ...relative.map((program): Found => {
      return { field: "programs", text: `never match "${program}": the path of a program begins with /` };
    }),
  ];
}

/** `host:port`, or the path of a socket. */
function checkAddresses({ listen, connect, environment }: Rule): Found[] {
  const why = (item: string): string | undefined => {
    if (item.startsWith("~")) return "the path of a socket begins with /";
    return isLiteral(item) && !/^\/|:/.test(item) ? `an address has a port, as "${item}:*"` : undefined;
  };
  const value = (item: string): string | undefined =>
    item.includes("=") ? "a variable goes by its name alone" : undefined;
  return [
    ...each(listen, "listen", why),
    ...each(connect, "connect", why),
    ...each(environment, "environment", value),
  ];
}

const lists = [
  "host",
  "user",
  "key",
  "namespace",
  "repository",
  "branch",
  "subsystem",
  "caller",
  "scope",
] as const;

/** What a list names and excludes. */
function checkExcluded(rule: Rule): Found[] {
  return [...lists, "listen" as const, "connect" as const].flatMap((field) => {
    const items = itemsOf(rule[field]);
    const excluding = items.filter(({ negated }) => negated);
    return items.flatMap(({ text, negated }): Found[] => {
      const by = negated ? undefined : excluding.find((one) => takes(one.text, text));
      return by ? [{ field, text: `never matches "${text}": "!${by.text}" excludes it` }] : [];
    });
  });
}

function checkAnswers(rule: Rule): Found[] {
  if (rule.action === "ask") return checkPersons(rule);
  const answering = ["remember", "timeout", "approver", "approvals", "signers"] as const;
  const fields = answering.filter((field) => rule[field] !== undefined);
  return fields.map((field) => ({ field, text: `says nothing where the action is "${rule.action}"` }));
}

/** Signatures come from the fleet alone. */
function checkPersons({ approver, approvals = 1, signers }: Rule): Found[] {
  const isFleet = approver === undefined || approver.includes("fleet");
  if ((approvals === 1 && !signers) || isFleet) return [];
  const field = signers ? "signers" : "approvals";
  return [{ field, text: 'is for the approver "fleet", which may not answer: all is denied' }];
}
