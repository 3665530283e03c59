/**
 * The agents behind the guard: those of config.toml, else the one of SSH_AUTH_SOCK, else the one that the
 * first run brings. The user may point a guard that lives to another one.
 */
import { realpathSync } from "node:fs";
import { connect } from "node:net";
import { basename, dirname, join } from "node:path";
import { attempt } from "../../attempt.ts";
import { BoundedMap } from "../../identity/bounded-map.ts";
import { answers } from "../../platform/sockets/listener.ts";
import { isSocketBelow } from "../../platform/sockets/own-sockets.ts";
import { type PrivateAgent, startPrivateAgent } from "../../platform/sockets/private-agent.ts";
import type { ProcessId } from "../../policy/request.ts";
import type { AgentOrigin, UpstreamState } from "../../rpc/requests.ts";
import { refuseBesideRuns } from "../../runs/waiting.ts";
import { UpstreamAgent, type UpstreamAgentParts } from "./agent.ts";

/** How long `muxguard status` waits for an agent, in milliseconds. */
const LOOK_TAKES = 1000;
/** Agents that runs have brought are forgotten beyond that. */
const MAX_KEPT = 64;

export class UpstreamAgents {
  #paths: readonly string[];
  #origin: AgentOrigin;
  /** Where the guard's own sockets are. */
  readonly #folder: string;
  readonly #wantsPrivate: boolean;
  readonly #parts: UpstreamAgentParts;
  #private: PrivateAgent | undefined;
  /** By path. */
  readonly #agents = new BoundedMap<string, UpstreamAgent>(MAX_KEPT);

  /** @param configured paths, and "private" for an agent of the guard's own */
  constructor(
    configured: readonly string[],
    { SSH_AUTH_SOCK: usual }: NodeJS.ProcessEnv,
    folder: string,
    parts: UpstreamAgentParts = {},
  ) {
    this.#paths = configured.length > 0 || !usual ? configured : [usual];
    this.#origin = configured.length > 0 ? "config" : usual ? "environment" : "none";
    this.#wantsPrivate = configured.includes("private");
    this.#folder = folder;
    this.#parts = parts;
  }

  get origin(): AgentOrigin {
    return this.#origin;
  }

  /** Whether one of them is the guard's own, which ends with it, keys and all. */
  get hasPrivate(): boolean {
    return this.#wantsPrivate;
  }

  /** @throws Error if the private agent does not start, or a program of a run could come before us */
  async start(): Promise<void> {
    if (!this.#wantsPrivate) return;
    refuseBesideRuns();
    this.#private = await startPrivateAgent(this.#folder);
    try {
      // one that began while its socket had a name
      refuseBesideRuns();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * @param instead the path of the one to use instead
   * @throws Error if one is the guard's own socket
   */
  addresses(instead?: string): UpstreamAgent[] {
    const paths = instead === undefined ? this.#paths : [instead];
    return paths.map((path) => this.#agent(path));
  }

  #agent(path: string): UpstreamAgent {
    const known = this.#agents.get(path);
    if (known) return known;
    const own = path === "private" ? this.#private : undefined;
    if (!own && this.isOwn(path)) {
      throw new Error(
        `the upstream agent ${path} is muxguard's own socket; set upstream_agent in config.toml`,
      );
    }
    const agent = new UpstreamAgent(
      { name: own?.name ?? path, path: own?.path ?? path, connect: own?.connect ?? (() => connect(path)) },
      this.#parts,
    );
    this.#agents.set(path, agent);
    return agent;
  }

  isInUse(path: string): boolean {
    return this.#paths.includes(path);
  }

  /**
   * Whether it is a socket of the guard's: also through a link, and whether or not the guard
   * listens there by now.
   */
  isOwn(path: string): boolean {
    const folder = attempt(() => realpathSync(dirname(path))) ?? dirname(path);
    const agentSocket = join(attempt(() => realpathSync(this.#folder)) ?? this.#folder, "agent.sock");
    return join(folder, basename(path)) === agentSocket || isSocketBelow(path, this.#folder);
  }

  /**
   * Points the guard to another agent: for clients that come from here on.
   * @throws Error for the guard's own socket, and where nobody listens
   */
  async point(path: string, origin: AgentOrigin): Promise<void> {
    this.#agent(path);
    if (!(await answers(path))) throw new Error(`nobody listens at ${path}`);
    this.#paths = [path];
    this.#origin = origin;
    this.#parts.pointed?.();
  }

  /**
   * The agent that a run brings in its SSH_AUTH_SOCK, if it is to be used: a living one, which is not the
   * guard's own socket, and where config.toml names none.
   */
  async brought(path: string | undefined): Promise<string | undefined> {
    if (path === undefined || this.#origin === "config" || this.isInUse(path)) return undefined;
    return !this.isOwn(path) && (await answers(path)) ? path : undefined;
  }

  /** For a guard that comes next: the SSH_AUTH_SOCK that leads to the agent to which this one was pointed. */
  handOn(): NodeJS.ProcessEnv {
    const [path, ...others] = this.#paths;
    const isPointed = this.#origin !== "config" && path !== undefined && others.length === 0;
    return isPointed ? { SSH_AUTH_SOCK: path } : {};
  }

  /** Of those in the file system. */
  paths(): string[] {
    return this.addresses()
      .map(({ name }) => name)
      .filter((name) => name.startsWith("/"));
  }

  /** How they are now. */
  states(): Promise<UpstreamState[]> {
    return Promise.all(
      this.addresses().map(async ({ name, health }) => {
        const fault = await health.look(LOOK_TAKES);
        return { name, ...(fault !== undefined && { fault }) };
      }),
    );
  }

  /**
   * The id of the decision that a question is about, if it is one agent's about a key that the guard is about
   * to use there. It stands for one question.
   */
  decisionAbout(fingerprint: string, asking: ProcessId): string | undefined {
    for (const agent of this.#agents.values()) {
      const decision = agent.decisionAbout(fingerprint, asking);
      if (decision !== undefined) return decision;
    }
    return undefined;
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.close();
    this.#private?.close();
    this.#private = undefined;
  }
}
