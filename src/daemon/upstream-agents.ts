/** The agents behind the guard: those of config.toml, else the one of SSH_AUTH_SOCK. */
import { connect } from "node:net";
import { join } from "node:path";
import type { AgentAddress } from "../guard/agent/upstream.ts";
import { type PrivateAgent, startPrivateAgent } from "../platform/sockets/private-agent.ts";

export class UpstreamAgents {
  readonly #paths: readonly string[];
  /** Where the guard's own sockets are. */
  readonly #folder: string;
  readonly #wantsPrivate: boolean;
  #private: PrivateAgent | undefined;

  /** @param configured paths, and "private" for an agent of the guard's own */
  constructor(configured: readonly string[], { SSH_AUTH_SOCK: usual }: NodeJS.ProcessEnv, folder: string) {
    this.#paths = configured.length > 0 || !usual ? configured : [usual];
    this.#wantsPrivate = configured.includes("private");
    this.#folder = folder;
  }

  /** @throws Error if the private agent does not start */
  async start(): Promise<void> {
    if (this.#wantsPrivate) this.#private = await startPrivateAgent(this.#folder);
  }

  /** @param instead the path of the one to use instead */
  addresses(instead?: string): AgentAddress[] {
    const paths = instead === undefined ? this.#paths : [instead];
    return paths.map((path) => {
      if (path === "private" && this.#private) return this.#private;
      if (path === join(this.#folder, "agent.sock")) {
        throw new Error(
          `the upstream agent ${path} is muxguard's own socket; set upstream_agent in config.toml`,
        );
      }
      return { name: path, connect: () => connect(path) };
    });
  }

  close(): void {
    this.#private?.close();
    this.#private = undefined;
  }
}
