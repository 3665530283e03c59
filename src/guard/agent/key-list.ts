/**
 * The list of keys that a client gets: those that its scope's rules could let it sign with, and for a host that
 * the connection is bound to, those that could be used there, the last used first (policy/listing.ts).
 *
 * What a list leaves out is no failure: clients go on with the keys that they are given. Lists are too many for
 * the log. There are entries for what a rule on lists denies or asks about, for a list that leaves nothing, and
 * for who may ask for nothing at all.
 */
import { attempt } from "../../attempt.ts";
import { evaluate } from "../../policy/evaluate.ts";
import { type ListedFor, listRuling } from "../../policy/listing.ts";
import type { Policy } from "../../policy/policy.ts";
import type { Caller, KeyFacts, Request } from "../../policy/request.ts";
import { encodeIdentities, type ListedKey, readIdentities } from "../../wire/agent/identities.ts";
import { AgentMessage } from "../../wire/agent/message-numbers.ts";
import { encodeFrame, type Frame } from "../../wire/frame.ts";
import type { Broker } from "../decide/broker.ts";
import type { Scope } from "../decide/scope.ts";
import type { Asker } from "../decide/verdict.ts";
import { isRiding } from "./in-ride.ts";
import type { KeyNames } from "./key-names.ts";
import type { UsedKeys } from "./used-keys.ts";

/** Who asks, and what decides for it. */
export interface Placed {
  asker: Asker;
  scope: Scope;
}

export interface KeyListParts {
  broker: Broker;
  keyNames: KeyNames;
  usedKeys: UsedKeys;
  route: { listedFor(caller: Caller): ListedFor | Promise<ListedFor> };
}

/** A list that was shown, and what it follows from beside who asked. */
interface Shown {
  payload: Buffer;
  policy: Policy;
  packet: Buffer;
}

/**
 * By the caller as it was identified: what asks several times is the same object for a moment. Only lists for
 * which nothing is known of where they are for.
 */
const lastShown = new WeakMap<Caller, Shown>();

const EMPTY = encodeFrame(encodeIdentities([])).packet;

export class KeyList {
  readonly #parts: KeyListParts;

  constructor(parts: KeyListParts) {
    this.#parts = parts;
  }

  /**
   * @param reply of the agent; what is no list is passed on
   * @returns the packet to answer with
   * @throws ProtocolError for a list that can't be read
   */
  async shown(reply: Frame, placed: Placed): Promise<Buffer> {
    const { payload } = reply;
    if (payload[0] !== AgentMessage.SSH_AGENT_IDENTITIES_ANSWER) return reply.packet;
    const { scope } = placed;
    const { caller } = placed.asker;
    const place = caller ? await this.#parts.route.listedFor(caller) : { path: [], forwarded: false };
    const asker = tellsOfLogin(placed.asker, place);
    const where: ListedFor = isRiding(scope, caller) ? { ...place, signsOnly: true } : place;
    const policy = await policyOf(scope);
    const request: Request = { kind: "list", ...place };
    const isRefused = !caller || !policy || scope.refused !== undefined || this.#parts.broker.isLocked;
    if (isRefused || evaluate(policy, request, caller).action === "deny") {
      if (!caller) await new Promise((resolve) => setImmediate(resolve)); // that it is gone may come just now
      if (!asker.gone.aborted) await this.#parts.broker.decide(request, asker, scope);
      return EMPTY;
    }
    const isAnywhere = !where.destination && !where.forwarded && !where.signsOnly;
    const last = isAnywhere ? lastShown.get(caller) : undefined;
    if (last?.policy === policy && last.payload.equals(payload)) return last.packet;
    const { packet, asked } = await this.#choose(reply, { policy, caller, where, placed });
    if (isAnywhere && !asked) lastShown.set(caller, { payload: Buffer.from(payload), policy, packet });
    return packet;
  }

  async #choose(
    { payload, packet }: Frame,
    known: { policy: Policy; caller: Caller; where: ListedFor; placed: Placed },
  ): Promise<{ packet: Buffer; asked: boolean }> {
    const { policy, caller, where, placed } = known;
    const all = readIdentities(payload);
    const isOwn = this.#parts.broker.mayLogIn(where.destination, caller);
    const ruled = all.flatMap((listed) => {
      const facts = this.#parts.keyNames.find(listed.key);
      if (!facts) return [];
      const { action, by } = listRuling(policy, facts, caller, where);
      // the default is no rule: the use itself is decided when it comes
      return [{ listed, facts, by, action: isOwn && by === "default" ? "allow" : action }];
    });
    const asked = ruled.some(({ action }) => action === "ask");
    const isAllowed = asked && (await this.#ask({ kind: "list", ...where }, placed));
    const chosen = ruled.filter(({ action }) => action === "allow" || (action === "ask" && isAllowed));
    const [first] = ruled;
    if (first && chosen.length === 0 && !asked) await this.#refuse(first, where, placed);
    const keys = this.#lastUsedFirst(chosen, where).map(({ listed }) => listed);
    const isWhole = keys.length === all.length && keys.every((one, at) => one === all[at]);
    return { packet: isWhole ? packet : encodeFrame(encodeIdentities(keys)).packet, asked };
  }

  /**
   * That nothing is left is told: ssh offers no key then, and nothing else would say why it can't log in.
   * @param key one that could not be used
   */
  async #refuse(
    { facts: key, by }: { facts: KeyFacts; by: string },
    where: ListedFor,
    { asker: asks, scope }: Placed,
  ): Promise<void> {
    const { broker } = this.#parts;
    const asker = tellsOfLogin(asks, where);
    const list: Request = { kind: "list", ...where };
    // a rule on lists is what denies then: whether it could sign was never looked at
    if (by !== "default") await broker.decide({ ...list, key }, asker, scope);
    else if (where.destination)
      await broker.decide({ ...list, kind: "sign", data: "userauth", key }, asker, scope);
    else broker.refuse(list, asker, scope, { what: "list", reason: "the rules let it use none of them" });
  }

  async #ask(request: Request, { asker, scope }: Placed): Promise<boolean> {
    return (await this.#parts.broker.decide(request, asker, scope)).decision === "allow";
  }

  #lastUsedFirst<K extends { listed: ListedKey; facts: KeyFacts }>(
    keys: K[],
    { destination }: ListedFor,
  ): K[] {
    const used = destination?.hostKey === undefined ? [] : this.#parts.usedKeys.of(destination.hostKey);
    const rank = ({ facts }: K): number => used.indexOf(facts.fingerprint) + 1 || used.length + 1;
    return used.length === 0 ? keys : [...keys].sort((one, other) => rank(one) - rank(other));
  }
}

/** Without a key ssh goes on to ask for a passphrase or a password, and does not know why it has none. */
function tellsOfLogin(asker: Asker, { destination }: Pick<ListedFor, "destination">): Asker {
  return destination ? { ...asker, isMute: true } : asker;
}

/** Undefined where it can't be read: that is told with the denial. */
async function policyOf(scope: Scope): Promise<Policy | undefined> {
  const current = attempt(() => scope.policy());
  return current instanceof Promise ? current.catch(() => undefined) : current;
}
