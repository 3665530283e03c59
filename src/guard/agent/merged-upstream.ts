/**
 * Several agents as one: a client sees the keys of all, each is used in the agent that listed it, and new
 * ones go to the first.
 *
 * What concerns all keys (`ssh-add -D`, `-x`, `-X`) goes to all agents, and succeeds only where all did it.
 * Where some did not, an UpstreamError names them: the client is answered with a failure, and the log and the
 * terminal say why. It never holds the passphrase of a lock.
 *
 * One that hangs is waited for once, and then left out until it answers (Health). What concerns all keys fails
 * meanwhile, at once.
 */
import {
  type AgentRequest,
  encodeAgentReply,
  encodeAgentRequest,
  type Identity,
  parseAgentReply,
} from "../../wire/agent/agent.ts";
import { AgentMessage } from "../../wire/agent/message-numbers.ts";
import { SESSION_BIND } from "../../wire/agent/session-bind.ts";
import { AGENT_MAX_LEN, encodeFrame, type Frame } from "../../wire/frame.ts";
import { ProtocolError } from "../../wire/protocol-error.ts";
import { LIST, list } from "./list-request.ts";
import { SingleUpstream } from "./single-upstream.ts";
import { type AgentAddress, type Upstream, UpstreamError, type UpstreamTimeouts } from "./upstream.ts";

interface Member {
  address: AgentAddress;
  upstream: Upstream;
  /** Set when it has missed a session-bind: it must not be used later as if it had heard of it. */
  missed?: UpstreamError;
}

/** What one of them made of a request that went to all. */
interface Outcome {
  address: AgentAddress;
  reply: Frame | UpstreamError;
}

export class MergedUpstream implements Upstream {
  readonly #members: readonly [Member, ...Member[]];
  readonly #timeouts: UpstreamTimeouts;
  /** By key blob. */
  readonly #holders = new Map<string, Upstream>();

  constructor([first, ...others]: readonly [AgentAddress, ...AgentAddress[]], timeouts: UpstreamTimeouts) {
    const member = (address: AgentAddress): Member => ({
      address,
      upstream: new SingleUpstream(address, timeouts),
    });
    this.#members = [member(first), ...others.map(member)];
    this.#timeouts = timeouts;
  }

  async exchange(frame: Frame, request: AgentRequest, decision?: string): Promise<Frame> {
    switch (request.type) {
      case "SSH_AGENTC_REQUEST_IDENTITIES":
        return this.#list(frame, request);
      case "SSH_AGENTC_SIGN_REQUEST":
      case "SSH_AGENTC_REMOVE_IDENTITY":
        return (await this.#holder(request.key)).exchange(frame, request, decision);
      case "SSH_AGENTC_REMOVE_ALL_IDENTITIES":
        return sameAnswer(await this.#ask(frame, request), "not all keys are removed");
      case "SSH_AGENTC_LOCK":
        return this.#lock(frame, request, request.passphrase);
      case "SSH_AGENTC_UNLOCK":
        return sameAnswer(await this.#ask(frame, request), "not all agents are unlocked");
      case "SSH_AGENTC_EXTENSION":
        if (request.name === SESSION_BIND) return bindAnswer(await this.#ask(frame, request));
        return this.#first(frame, request);
      default:
        return this.#first(frame, request);
    }
  }

  #first(frame: Frame, request: AgentRequest): Promise<Frame> {
    const [first] = this.#members;
    const left = leftOut(first);
    return left ? Promise.reject(left) : first.upstream.exchange(frame, request);
  }

  close(): void {
    for (const { upstream } of this.#members) upstream.close();
  }

  /** A client need not ask for the keys before it uses one. */
  async #holder(key: Buffer): Promise<Upstream> {
    const name = key.toString("latin1");
    if (!this.#holders.has(name)) await this.#list(LIST, list);
    return this.#holders.get(name) ?? this.#members[0].upstream;
  }

  /** An agent that can't be reached has no keys to offer, and must not hide those of the others. */
  async #list(frame: Frame, request: AgentRequest): Promise<Frame> {
    const replies = (await this.#ask(frame, request)).map(({ reply }) => reply);
    if (replies.every((reply) => reply instanceof UpstreamError)) throw replies[0];
    const identities: Identity[] = [];
    this.#holders.clear();
    for (const [at, { upstream }] of this.#members.entries()) {
      for (const identity of identitiesOf(replies[at])) {
        const name = identity.key.toString("latin1");
        if (this.#holders.has(name)) continue;
        this.#holders.set(name, upstream);
        identities.push(identity);
      }
    }
    return mergedList(identities);
  }

  /** All or none: where one can't be locked the others are unlocked again, so "failed" means not locked. */
  async #lock(frame: Frame, request: AgentRequest, passphrase: Buffer): Promise<Frame> {
    // an agent that hangs is found out first: the others would stay locked for as long as it is waited for
    const unreachable = (await this.#ask(LIST, list)).filter(({ reply }) => reply instanceof UpstreamError);
    if (unreachable.length > 0) throw new UpstreamError(`not locked: ${describeFaults(unreachable)}`);
    const outcomes = await this.#ask(frame, request);
    // one that did not answer may have done it all the same
    const perhaps = outcomes.filter((one) => hasSucceeded(one) || one.reply instanceof UpstreamError);
    if (perhaps.length === 0 || outcomes.every(hasSucceeded)) return sameAnswer(outcomes, "not locked");
    const undone = await Promise.all(perhaps.map(({ address }) => this.#unlockAgain(address, passphrase)));
    throw new UpstreamError([`not locked: ${describeFaults(outcomes)}`, ...undone].join("; "));
  }

  /**
   * On a connection of its own, as the client may be gone by now, and its connections with it.
   * @returns what became of it, in words
   */
  async #unlockAgain(address: AgentAddress, passphrase: Buffer): Promise<string> {
    const request: AgentRequest = { type: "SSH_AGENTC_UNLOCK", passphrase };
    const { answer } = this.#timeouts;
    const upstream = new SingleUpstream(address, { answer, person: answer });
    const outcome = await ask({ address, upstream }, encodeFrame(encodeAgentRequest(request)), request);
    upstream.close();
    return hasSucceeded(outcome)
      ? `${address.name} is unlocked again`
      : `${address.name} may stay locked (ssh-add -X): ${describeFaults([outcome])}`;
  }

  #ask(frame: Frame, request: AgentRequest): Promise<Outcome[]> {
    return Promise.all(
      this.#members.map((member) => {
        const left = leftOut(member);
        if (!left) return ask(member, frame, request);
        if (request.type === "SSH_AGENTC_EXTENSION") member.missed = left;
        return { address: member.address, reply: left };
      }),
    );
  }
}

function leftOut({ address, missed }: Member): UpstreamError | undefined {
  const { leftOut: fault } = address.health ?? {};
  if (missed) return missed;
  return fault === undefined
    ? undefined
    : new UpstreamError(`the upstream agent ${address.name} ${fault}, and is left out until it does`);
}

async function ask({ address, upstream }: Member, frame: Frame, request: AgentRequest): Promise<Outcome> {
  try {
    return { address, reply: await upstream.exchange(frame, request) };
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    return { address, reply: error };
  }
}

function hasSucceeded({ reply }: Outcome): boolean {
  return !(reply instanceof UpstreamError) && reply.payload[0] === AgentMessage.SSH_AGENT_SUCCESS;
}

/**
 * The answer of all, if they agree. That is a refusal too, as one agent gives it: for a wrong passphrase.
 * @throws UpstreamError that names those which did not do what others did, and those that can't be reached
 */
function sameAnswer(outcomes: readonly Outcome[], otherwise: string): Frame {
  const replies = outcomes.flatMap(({ reply }) => (reply instanceof UpstreamError ? [] : [reply]));
  const succeeded = outcomes.filter(hasSucceeded).length;
  const [first] = replies;
  if (first && replies.length === outcomes.length && (succeeded === 0 || succeeded === outcomes.length))
    return first;
  throw new UpstreamError(`${otherwise}: ${describeFaults(outcomes)}`);
}

/**
 * A session-bind reaches every agent, for each judges the destinations of its own keys. One that refused it,
 * or never heard of it, will not use those: ssh-agent by itself (identity_permitted() of ssh-agent.c), and
 * one that can't be reached is not reached later on this connection either. So it is no failure of the
 * others: the client is told yes where any has accepted. OpenSSH's client goes on in either case.
 */
function bindAnswer(outcomes: readonly Outcome[]): Frame {
  const { reply } =
    outcomes.find(hasSucceeded) ??
    outcomes.find(({ reply }) => !(reply instanceof UpstreamError)) ??
    (outcomes[0] as Outcome);
  if (reply instanceof UpstreamError) throw reply;
  return reply;
}

/** Of those that did not succeed. */
function describeFaults(outcomes: readonly Outcome[]): string {
  return outcomes
    .filter((outcome) => !hasSucceeded(outcome))
    .map(({ address, reply }) =>
      reply instanceof UpstreamError ? reply.message : `the upstream agent ${address.name} refused`,
    )
    .join("; ");
}

/** @throws UpstreamError if the keys of all agents don't fit into one message */
function mergedList(identities: Identity[]): Frame {
  const payload = encodeAgentReply({ type: "SSH_AGENT_IDENTITIES_ANSWER", identities });
  if (payload.length > AGENT_MAX_LEN)
    throw new UpstreamError("the upstream agents hold too many keys for one list");
  return encodeFrame(payload);
}

function identitiesOf(reply: Frame | UpstreamError | undefined): readonly Identity[] {
  if (reply === undefined || reply instanceof UpstreamError) return [];
  try {
    const answer = parseAgentReply(reply.payload);
    return answer.type === "SSH_AGENT_IDENTITIES_ANSWER" ? answer.identities : [];
  } catch (error) {
    if (error instanceof ProtocolError) return [];
    throw error;
  }
}
