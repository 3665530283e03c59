/**
 * What was decided a moment ago about the same way in, so that one act of a user's is one question.
 *
 * A login that was approved covers what the same ssh process then asks of the master that it has made: its
 * own connection would have given it that. An approved connection covers the one session that it was asked
 * for. A denied session denies the key, or another connection, to the same programs and host for a while: ssh
 * turns to them where it was refused. A denied forward does so to the same process, which would make it there.
 * A login that nobody answered for in time is not asked about again for its next key.
 */
import { createHash } from "node:crypto";
import { asPlainSession, type Coverable, sessionsCovered } from "../../policy/cover/sessions.ts";
import { whoAsks } from "../../policy/coverage.ts";
import {
  type Caller,
  type Destination,
  type ProcessId,
  processKey,
  type Request,
} from "../../policy/request.ts";
import type { Verdict } from "./verdict.ts";

/** For how long a denied session or forward denies the other ways in, in milliseconds. */
const DENIED_FOR = 30_000;
/** How long a connection may take until its session comes, in milliseconds. */
const CONNECT_TAKES = 120_000;
/** The longest that a server waits for one login (LoginGraceTime of sshd_config), in milliseconds. */
const LOGIN_TAKES = 120_000;
const MAX_KEPT = 1024;

interface Approval {
  id: string;
  destination: Destination;
  user: string | undefined;
  /** The rule that it answered a doubt about. */
  doubt?: string | undefined;
  /** Of a connection: the session that it was asked for, and until when. */
  once?: { session: string; until: number };
}

/** A connection that was allowed: what the guard's own ssh may log in to. */
export interface Covered {
  connect: Request;
  verdict: Verdict;
}

/** Of one ssh of the guard's: where it leads, and the hosts that programs which it starts may jump over. */
interface OwnLogins {
  to: Login;
  hops: readonly Login[];
}

type Login = Pick<Approval, "id" | "destination" | "user">;

interface Denial {
  id: string;
  who: string;
  hosts: Set<string>;
  until: number;
}

export class RelatedDecisions {
  readonly #approvals = new Map<string, Approval>();
  readonly #own = new Map<string, OwnLogins>();
  readonly #denials = new Map<string, Denial>();
  /** Logins that an approved rule allowed, by the sessions that they cover. */
  readonly #ruled = new Map<string, Request>();
  /** Logins that nobody answered for. */
  readonly #unanswered = new Map<string, { id: string; until: number }>();
  readonly #now: () => number;

  /** @param now a monotonic clock, in milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Takes note of a decision.
   * @param doubt the rule of which could not be said whether it denies the request
   */
  add(
    request: Request,
    caller: Caller | undefined,
    run: string | undefined,
    verdict: Verdict,
    doubt?: string,
  ): void {
    const { destination } = request;
    if (!caller || !destination) return;
    if (verdict.decision === "allow") this.#approve(request, caller, destination, verdict, doubt);
    else if ((request.kind === "session" || request.kind === "forward") && isDecided(verdict)) {
      const until = this.#now() + DENIED_FOR;
      const who = request.kind === "session" ? digest(whoAsks(caller, run)) : processKey(caller);
      const hosts = hostsOf(destination);
      keep(this.#denials, [who, ...hosts].join("\n"), { id: verdict.id, who, hosts, until });
    }
  }

  #approve(
    request: Request,
    caller: Caller,
    destination: Destination,
    { id, by }: Verdict,
    doubt: string | undefined,
  ): void {
    if (!/^(?:approver|grant):/.test(by)) return;
    const approval = { id, destination, user: request.user, doubt };
    if (isOwnLogin(request)) keep(this.#approvals, processKey(caller), approval);
    if (request.kind !== "connect") return;
    const once = { session: sessionOf(request), until: this.#now() + CONNECT_TAKES };
    keep(this.#approvals, processKey(caller), { ...approval, once });
  }

  /**
   * The connections were allowed for whoever asked for them; the ssh that makes them may log in: itself to the
   * one, and what it starts to the hosts on the way.
   */
  cover(ssh: ProcessId, to: Covered, hops: readonly Covered[]): void {
    const [login] = loginsOf([to]);
    if (login) keep(this.#own, processKey(ssh), { to: login, hops: loginsOf(hops) });
  }

  /** The id of the allowed connection that the guard's own ssh logs in for. */
  ownLogin(request: Request, caller: Caller): string | undefined {
    return isOwnLogin(request)
      ? this.#ownLogins(caller).find((own) => isLoginTo(own, request))?.id
      : undefined;
  }

  /** Whether the caller is an ssh of the guard's own that may log in there, as whomever. */
  mayLogIn(destination: Destination | undefined, caller: Caller): boolean {
    return this.#ownLogins(caller).some((own) => destination && isSameHost(own.destination, destination));
  }

  /** One that makes an allowed connection logs in there alone; what it starts, at the jump hosts. */
  #ownLogins(caller: Caller): readonly Login[] {
    if (this.#own.size === 0) return [];
    const own = this.#own.get(processKey(caller));
    if (own) return [own.to];
    const starter = caller.ancestors.map((process) => this.#own.get(processKey(process))).find(Boolean);
    return starter?.hops ?? [];
  }

  /**
   * Nobody answered in time whether a key may be used for this login.
   * @param login which one it is, as text to compare
   */
  addUnanswered(request: Request, caller: Caller, login: string, id: string): void {
    const until = this.#now() + LOGIN_TAKES;
    keep(this.#unanswered, loginKey(request, caller, login), { id, until });
  }

  /** The id of the question about another key of the same login that nobody answered. */
  unanswered(request: Request, caller: Caller, login: string): string | undefined {
    const found =
      this.#unanswered.size === 0 ? undefined : this.#unanswered.get(loginKey(request, caller, login));
    return found && this.#now() <= found.until ? found.id : undefined;
  }

  /**
   * A login was allowed by a rule that an answer wrote: like the answer it covers plain sessions at the same
   * terminal, as long as the rule is there.
   */
  addRuled(login: Coverable): void {
    const sessions = sessionsCovered(login, "terminal");
    if (sessions !== undefined) keep(this.#ruled, digest(sessions), login.request);
  }

  /** The login that covers this session, if a rule allows it by now. */
  ruled(session: Coverable): Request | undefined {
    const sessions = this.#ruled.size === 0 ? undefined : asPlainSession(session, "terminal");
    return sessions === undefined ? undefined : this.#ruled.get(digest(sessions));
  }

  /** Approvals; denials stand. */
  forget(): void {
    this.#ruled.clear();
    this.#approvals.clear();
    this.#own.clear();
  }

  /**
   * The id of an approval that covers the request too.
   * @param isMaker whether the caller made the connection that it wants to use
   * @param doubt the rule of which can't be said whether it denies the request: whoever approved has to have
   * known
   */
  approval(request: Request, caller: Caller, isMaker: boolean, doubt?: string): string | undefined {
    const { kind, destination, user } = request;
    const key = processKey(caller);
    const found = this.#approvals.get(key);
    if (!found || !(kind === "session" || kind === "forward") || user !== found.user) return undefined;
    if (doubt !== undefined && doubt !== found.doubt) return undefined;
    if (!destination || !isSameHost(found.destination, destination)) return undefined;
    if (!found.once) return isMaker ? found.id : undefined;
    if (found.once.session !== sessionOf(request) || found.once.until < this.#now()) return undefined;
    this.#approvals.delete(key);
    return found.id;
  }

  /** The id of a denial that stands against the request too. */
  denial(request: Request, caller: Caller, run: string | undefined): string | undefined {
    const { destination } = request;
    if (this.#denials.size === 0 || !destination) return undefined;
    if (!isLogin(request) && request.kind !== "connect") return undefined;
    const who = [digest(whoAsks(caller, run)), processKey(caller)];
    const [hosts, now] = [hostsOf(destination), this.#now()];
    for (const denial of this.#denials.values())
      if (who.includes(denial.who) && now <= denial.until && share(denial.hosts, hosts)) return denial.id;
    return undefined;
  }
}

function loginsOf(covered: readonly Covered[]): Login[] {
  return covered.flatMap(({ connect: { destination, user }, verdict: { id } }) =>
    destination ? [{ id, destination, user }] : [],
  );
}

function isLoginTo(login: Login, { destination, user }: Request): boolean {
  return destination !== undefined && user === login.user && isSameHost(login.destination, destination);
}

function isLogin({ kind, data }: Request): boolean {
  return kind === "sign" && data === "userauth";
}

/** Not one of a server's that the agent was forwarded to: it is another's than the process's own. */
function isOwnLogin(request: Request): boolean {
  return isLogin(request) && !request.forwarded;
}

/** Not where the client went away, or nothing could be decided. */
function isDecided({ by }: Verdict): boolean {
  return !by.startsWith("fault:") || by === "fault:timeout" || by === "fault:approver";
}

function loginKey({ destination, user }: Request, caller: Caller, login: string): string {
  const { hostKey, claimed } = destination ?? {};
  return digest(JSON.stringify([processKey(caller), hostKey, claimed, user, login]));
}

/** Everything but the host that a session or a stdio forward is about. */
function sessionOf({ command, subsystem, forward, x11, forwardAgent }: Request): string {
  return JSON.stringify([command, subsystem, forward, x11, forwardAgent]);
}

/**
 * By their keys: a name may be that of another host by now, and anybody can write one into known_hosts. Where
 * ssh knew no key of the first one, by what it looked up.
 */
function isSameHost(known: Destination, other: Destination): boolean {
  const keys = keysOf(known);
  return keys.size > 0 ? share(keys, keysOf(other)) : share(new Set(known.lookups), new Set(other.lookups));
}

/** The one that it proved, or those that ssh takes. */
function keysOf({ hostKey, hostKeys = [] }: Destination): Set<string> {
  return new Set(hostKey === undefined ? hostKeys : [hostKey]);
}

/**
 * What a host is known by: two that share one of them may be the same. With what the caller says where there
 * is no proof: good enough to deny.
 */
function hostsOf(destination: Destination): Set<string> {
  const { verified, claimed, lookups = [] } = destination;
  const said = !verified && claimed !== undefined ? [`claimed ${claimed}`] : [];
  return new Set([...keysOf(destination), ...lookups, ...said]);
}

function share(some: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  return [...some].some((host) => others.has(host));
}

/** Command lines are part of it, and may be long. */
function digest(who: string): string {
  return createHash("sha256").update(who).digest("base64");
}

/** The oldest gives way. */
function keep<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (oldest !== undefined && map.size > MAX_KEPT) map.delete(oldest);
}
