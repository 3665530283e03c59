/** Who serves the clients of agent sockets: the scope that decides for each, and the agents behind it. */
import type { Socket } from "node:net";
import { attempt } from "../attempt.ts";
import { AgentConnection } from "../guard/agent/connection.ts";
import { createUpstream } from "../guard/agent/create-upstream.ts";
import { KeyNames } from "../guard/agent/key-names.ts";
import { turnAway } from "../guard/agent/turn-away.ts";
import type { AgentAddress } from "../guard/agent/upstream.ts";
import { UsedKeys } from "../guard/agent/used-keys.ts";
import type { Broker } from "../guard/decide/broker.ts";
import { decidingScope, type Scope, type SocketOf } from "../guard/decide/scope.ts";
import { agentRoute } from "../identity/agent-route.ts";
import type { DestinationResolver } from "../identity/destination.ts";
import type { GitAskers } from "../identity/git/askers.ts";
import type { Logins } from "../identity/logins.ts";
import type { SessionRegistry } from "../identity/session-registry.ts";
import { Peer } from "../platform/proc/peer.ts";
import type { ProcessTable } from "../platform/proc/process.ts";
import type { Accepted, ListenOptions } from "../platform/sockets/listener.ts";
import { type Expected, expectDescriptors } from "../platform/sockets/room.ts";
import type { Caller } from "../policy/request.ts";
import type { Scopes } from "../runs/scopes.ts";
import type { UpstreamAgents } from "./upstream/agents.ts";

/**
 * How long an upstream agent may take for what a person has to do, in milliseconds: a touch, a PIN, `ssh-add
 * -c`.
 */
const PERSON_TIMEOUT = 120_000;

const RELAYED = "a shared connection passes this on, and doesn't say for whom (OpenSSH 8.9 and later do)";
const UNKNOWN = "it could not be told at first which run this process is in; let it connect again";

export interface AgentServerParts {
  broker: Broker;
  processes: ProcessTable;
  scopes: Scopes;
  sessions: SessionRegistry;
  destinations: DestinationResolver;
  logins: Logins;
  git: GitAskers;
  agents: UpstreamAgents;
  /** Of the guard's own agents. */
  keyNames: KeyNames;
  /** In milliseconds, for a client that comes now. */
  upstreamTimeout: () => number;
}

/** The agents behind a scope, and what they said of their keys. */
interface Agents {
  /** As they are now: the guard may be pointed to others. */
  addresses(): readonly AgentAddress[];
  keyNames: KeyNames;
}

export class AgentServer {
  /** Tells a client that it is not served. */
  static readonly turnAway = turnAway;
  readonly #parts: AgentServerParts;
  readonly #agents = new WeakMap<Scope, Agents>();
  readonly #usedKeys = new UsedKeys();

  #isMaster: (pid: number) => boolean = () => false;

  constructor(parts: AgentServerParts) {
    this.#parts = parts;
  }

  /**
   * ssh binds what it forwards of its agent to the session that it comes from. What a guarded master brings
   * without that comes over another kind of forward, and from who knows where.
   */
  refuseRelayed(isMaster: (pid: number) => boolean): void {
    this.#isMaster = isMaster;
  }

  /**
   * Before a client of the scope is served.
   * @param upstream the path of the agent to use instead of the guard's own
   * @throws Error if that is the guard's own socket
   */
  add(scope: Scope, upstream?: string): void {
    const { agents, keyNames } = this.#parts;
    agents.addresses(upstream); // one that can't be used is told of now
    this.#agents.set(scope, {
      addresses: () => agents.addresses(upstream),
      // another agent may list the same keys under other comments
      keyNames: upstream === undefined ? keyNames : new KeyNames(),
    });
  }

  /** Of a socket whose clients it serves: each client has connections of its own to the agents. */
  listenOptions(scope: Scope): ListenOptions {
    return { needs: () => this.#agents.get(scope)?.addresses().length ?? 0, turnAway };
  }

  /** @param scope whose socket the client came to */
  serve(socket: Socket, accepted: Accepted, scope: Scope): void {
    if (accepted.pid === process.pid) {
      socket.destroy(); // its own upstream, through a link: it would ask itself without end
      return;
    }
    const { broker, processes, scopes, sessions, destinations, logins, git } = this.#parts;
    const client = new Peer(accepted, processes);
    const scopeOf = this.#decidedFor({ kind: "agent", scope });
    // where no run is open, nobody is in one: who asks is read when something is to be decided
    const served = scopes.isNeeded ? scopeOf(attempt(() => client.identify())) : scope;
    const agents = this.#agents.get(served) ?? this.#agents.get(scope);
    if (!agents) throw new Error("a scope without agents");
    const answer = this.#parts.upstreamTimeout();
    const timeouts = { answer, person: Math.max(PERSON_TIMEOUT, answer) };
    const route = agentRoute(sessions, destinations, logins, git);
    const addresses = agents.addresses();
    const expected = expectDescriptors(addresses.length);
    socket.once("close", () => {
      expected.end();
      route.end();
    });
    new AgentConnection(socket, {
      broker,
      scopeOf: (caller) => {
        if (!caller) return served;
        if (!route.isForwarded && this.#isMaster(caller.pid)) return { ...scope, refused: RELAYED };
        const now = scopeOf(caller);
        // it could not be identified before, and is behind the agents of another scope
        return now === served || now.refused !== undefined ? now : { ...scope, refused: UNKNOWN };
      },
      upstream: createUpstream(
        addresses.map((address) => counted(address, expected)),
        timeouts,
      ),
      keyNames: agents.keyNames,
      usedKeys: this.#usedKeys,
      route,
      client,
    });
  }

  /** Found out once, as soon as the client can be identified. */
  #decidedFor(place: SocketOf): (caller: Caller | undefined) => Scope {
    const { scopes } = this.#parts;
    let known: Scope | undefined;
    return (caller) => {
      if (!caller) return place.scope;
      known ??= decidingScope(scopes.decidedBy(caller, place), place);
      return known;
    };
  }
}

/** The same agent: a connection to it is one that was expected. */
function counted({ name, health, uses, connect }: AgentAddress, expected: Expected): AgentAddress {
  const connectCounted = (): Socket => {
    expected.came();
    return connect();
  };
  return { name, connect: connectCounted, ...(health && { health }), ...(uses && { uses }) };
}
