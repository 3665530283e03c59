/** One agent behind the guard: whether it does its part, what it is asked to sign, and which process it is. */
import type { Socket } from "node:net";
import { AgentHealth } from "../../guard/agent/agent-health.ts";
import { KeyUses } from "../../guard/agent/key-uses.ts";
import { LIST } from "../../guard/agent/list-request.ts";
import type { AgentAddress } from "../../guard/agent/upstream.ts";
import type { ProcessTable } from "../../platform/proc/process.ts";
import { answeringProcess } from "../../platform/sockets/answering-process.ts";
import { hasAllRead } from "../../platform/sockets/listener.ts";
import type { ProcessId } from "../../policy/request.ts";

export interface UpstreamAgentParts {
  /** Absent where no agent's question is taken for one about what is decided. */
  processes?: ProcessTable;
  /** Called when a fault comes up, and when there is none any more. */
  changed?(name: string, fault: string | undefined): void;
  /** Called when others are used from here on. */
  pointed?(): void;
}

export class UpstreamAgent implements AgentAddress {
  readonly name: string;
  readonly connect: () => Socket;
  readonly health: AgentHealth;
  readonly uses = new KeyUses();
  readonly #path: string;
  readonly #processes: ProcessTable | undefined;
  /** The process that answers there. */
  #process: ProcessId | undefined;
  #isLooking = false;

  /** @param address with a path that leads to its socket */
  constructor(
    { name, path, connect }: { name: string; path: string; connect: () => Socket },
    { processes, changed }: UpstreamAgentParts,
  ) {
    this.name = name;
    this.connect = connect;
    this.#path = path;
    this.#processes = processes;
    this.health = new AgentHealth(this, (fault) => changed?.(name, fault));
    this.#look();
  }

  /**
   * The id of the decision that a question of this agent's is about. ssh-agent serves one request at a time.
   * So what asks is about the request that it has read, and not answered.
   * @param asking the process that put the question
   */
  decisionAbout(fingerprint: string, asking: ProcessId): string | undefined {
    const { pid, startTime } = this.#process ?? {};
    if (asking.pid === pid && asking.startTime === startTime) return this.uses.take(fingerprint, hasAllRead);
    // it may be another process by now, and this is its question: known for the next one
    if (this.uses.areOpen) this.#look();
    return undefined;
  }

  #look(): void {
    if (!this.#processes || this.#isLooking) return;
    this.#isLooking = true;
    const found = (process: ProcessId | undefined): void => {
      this.#process = process ?? this.#process;
      this.#isLooking = false;
    };
    answeringProcess(this.#path, LIST.packet, this.#processes).then(found, () => found(undefined));
  }

  close(): void {
    this.health.close();
  }
}
