/**
 * Where a name leads by ssh_config(5): what ssh looks up in known_hosts for it. main() of OpenSSH's ssh.c,
 * match_cfg_line() and process_config_line_depth() of readconf.c.
 *
 * What can't be decided without running a command, asking the DNS or looking at the network stays open: then
 * a name has several lookups, one for each outcome, or none that anybody can tell.
 */
import { matchPattern } from "../../policy/match/pattern.ts";
import { type HostName, SSH_PORT } from "../hosts/known-hosts.ts";
import { Choice, UNKNOWN } from "./choice.ts";
import { type Condition, type Criterion, type Section, type Setting, settings } from "./sections.ts";
import type { VisitPlan } from "./visits.ts";

type Answer = "yes" | "no" | "maybe";

/** Of more than so many outcomes, nobody can say where a name leads. */
const MAX_OUTCOMES = 16;

export interface Surroundings {
  /** The local user's name. */
  user: string;
}

/** One name's walk through the sections. */
class Walk {
  readonly #name: string;
  readonly #user: string;
  readonly #choices: Partial<Record<Setting, Choice>> = {};
  #answers = new Map<number, Answer>();
  #final = false;
  /** Whether some `Match final` asks for a second pass. */
  wantsFinal = false;
  /** Set in the second pass. */
  #hostnames: readonly string[] | undefined;

  constructor(name: string, { user }: Surroundings) {
    this.#name = name;
    this.#user = user;
  }

  pass(sections: readonly Section[], visited: Iterable<number>): void {
    this.#answers = new Map();
    for (const index of visited) {
      const section = sections[index];
      if (!section) continue;
      const answer = this.#within(section, this.#holds(section.condition));
      this.#answers.set(index, answer);
      if (answer === "no") continue;
      for (const { setting, value } of section.values) this.#choice(setting).offer(value, answer === "yes");
      if (section.unreadable) for (const one of settings) this.#choice(one).offer(UNKNOWN, false);
    }
  }

  finish(hostnames: readonly string[]): void {
    this.#final = true;
    this.#hostnames = hostnames;
  }

  #within({ within }: Section, own: Answer): Answer {
    return within === undefined ? own : both(this.#answers.get(within) ?? "no", own);
  }

  #holds(condition: Condition): Answer {
    switch (condition.kind) {
      case "always":
        return "yes";
      case "as":
        return this.#answers.get(condition.section) ?? "no";
      case "host":
        // the second pass is about the host that the name led to
        return matchAll(this.#final ? this.#hostnames : [this.#name], condition.patterns);
      case "match":
        return condition.criteria.map((one) => this.#criterion(one)).reduce(both, "yes");
    }
  }

  #criterion(criterion: Criterion): Answer {
    const answer = this.#decide(criterion);
    if (answer === "maybe" || !criterion.negated) return answer;
    return answer === "yes" ? "no" : "yes";
  }

  #decide({ name, list }: Criterion): Answer {
    switch (name) {
      case "all":
        return "yes";
      case "canonical":
        return this.#final ? "yes" : "no";
      case "final":
        this.wantsFinal = true;
        return this.#final ? "yes" : "no";
      case "originalhost":
        return matchAll([this.#name.toLowerCase()], list);
      case "host":
        return matchAll(this.hostnames()?.map(lower), list);
      case "user":
        return matchAll(this.choices("user", this.#user), list);
      case "localuser":
        return matchAll([this.#user], list);
      case "tagged":
        return matchAll(this.choices("tag", ""), list.length > 0 ? list : [""]);
      default:
        return "maybe"; // exec, localnetwork, and what a command line decides
    }
  }

  /** What HostName makes of the name; undefined if that is open. */
  hostnames(): readonly string[] | undefined {
    return this.#final ? this.#hostnames : this.#expanded();
  }

  #expanded(): string[] | undefined {
    const values = this.choices("hostname", "%h")?.map((value) => expandHost(value, this.#name));
    return values?.every((value) => value !== undefined) ? (values as string[]) : undefined;
  }

  choices(setting: Setting, fallback: string): readonly string[] | undefined {
    const choice = this.#choices[setting];
    return choice ? choice.values(fallback) : [fallback];
  }

  #choice(setting: Setting): Choice {
    this.#choices[setting] ??= new Choice();
    return this.#choices[setting];
  }
}

/**
 * @param plan which of the sections may hold for which name
 * @returns all that ssh may look up for it, one for each outcome of what is open; undefined if that can't be
 * told
 */
export function lookupsOf(
  name: string,
  sections: readonly Section[],
  plan: Pick<VisitPlan, "of">,
  surroundings: Surroundings,
): HostName[] | undefined {
  const walk = new Walk(name, surroundings);
  walk.pass(sections, plan.of([name]));
  const hostnames = knownHosts(walk);
  if (hostnames && (walk.wantsFinal || isOn(walk.choices("canonicalizehostname", "no")))) {
    walk.finish(hostnames);
    walk.pass(sections, plan.of([name, ...hostnames]));
  }
  const aliases = walk.choices("hostkeyalias", "");
  if (aliases?.every((alias) => alias !== "")) return byAlias(aliases);
  const ports = walk.choices("port", `${SSH_PORT}`)?.map(Number);
  if (!hostnames || !aliases || !ports?.every(isPort)) return undefined;
  const named = hostnames.flatMap((host) => ports.map((port) => ({ name: host, port })));
  const all = [...byAlias(aliases.filter((alias) => alias !== "")), ...named];
  return all.length > MAX_OUTCOMES ? undefined : all;
}

/** Where HostName leads; undefined if it can't be told. */
function knownHosts(walk: Walk): string[] | undefined {
  const hosts = walk.hostnames()?.map(normalHost);
  const isKnown = hosts?.every((host) => host !== undefined && !mayBecomeAnother(host, walk));
  return isKnown ? (hosts as string[]) : undefined;
}

function byAlias(aliases: readonly string[]): HostName[] {
  return aliases.map((alias) => ({ name: alias.toLowerCase(), port: SSH_PORT }));
}

function isOn(values: readonly string[] | undefined): boolean {
  return !values?.every((value) => /^(?:no|false)$/i.test(value));
}

/** Whether the DNS has a say: resolve_canonicalize() of ssh.c. */
function mayBecomeAnother(host: string, walk: Walk): boolean {
  if (isAddress(host)) return false;
  const cnames = walk.choices("canonicalizepermittedcnames", "none");
  if (!cnames?.every((value) => value.toLowerCase() === "none")) return true;
  if (!isOn(walk.choices("canonicalizehostname", "no"))) return false;
  const dots = host.split(".").length - 1;
  const most = walk.choices("canonicalizemaxdots", "1");
  return host.endsWith(".") || !most?.every((value) => dots > Number(value));
}

/** `Host`: one that is negated and matches excludes; the others are or. In the case that was typed. */
function matchesHostLine(name: string, patterns: readonly string[]): boolean {
  let matched = false;
  for (const pattern of patterns) {
    const negated = pattern.startsWith("!");
    if (!matchPattern(name, negated ? pattern.slice(1) : pattern)) continue;
    if (negated) return false;
    matched = true;
  }
  return matched;
}

/** match_pattern_list() of OpenSSH's match.c, for each of the values that a setting may have. */
function matchAll(values: readonly string[] | undefined, list: readonly string[]): Answer {
  const [first, ...others] = values ?? [];
  if (first === undefined) return "maybe";
  const answer = matchesHostLine(first, list);
  if (others.some((value) => matchesHostLine(value, list) !== answer)) return "maybe";
  return answer ? "yes" : "no";
}

function both(one: Answer, other: Answer): Answer {
  if (one === "no" || other === "no") return "no";
  return one === "maybe" || other === "maybe" ? "maybe" : "yes";
}

/** `%h` and `%%`; ssh refuses any other. */
function expandHost(value: string, name: string): string | undefined {
  let isRefused = false;
  const expanded = value.replace(/%(.?)/gs, (_, token: string) => {
    isRefused ||= token !== "h" && token !== "%";
    return token === "h" ? name : token;
  });
  return isRefused ? undefined : expanded;
}

/** An address as ssh writes it; undefined for one that is written in an unusual way. */
function normalHost(host: string): string | undefined {
  if (/^[\d.]*$/.test(host)) return isIPv4(host) ? host : undefined;
  if (!host.includes(":")) return host.includes("%") ? undefined : host.toLowerCase();
  if (host.includes(".")) return undefined;
  try {
    return new URL(`http://[${host}]/`).hostname.slice(1, -1);
  } catch {
    return undefined; // with a zone
  }
}

function isIPv4(host: string): boolean {
  const parts = host.split(".");
  return parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
}

function isAddress(host: string): boolean {
  return host.includes(":") || isIPv4(host);
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port < 65536;
}

function lower(text: string): string {
  return text.toLowerCase();
}
