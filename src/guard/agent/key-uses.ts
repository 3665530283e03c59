/**
 * The signatures that an agent was asked for by the guard, and has not answered: one that asks a person before
 * it signs (`ssh-add -c`) asks about what is decided already.
 */
import type { Socket } from "node:net";
import { fingerprint } from "../../wire/public-key.ts";

interface KeyUse {
  key: Buffer;
  /** The id of what was decided. */
  decision: string;
  /** The connection over which the agent was asked. */
  socket: Socket;
}

export class KeyUses {
  readonly #open = new Set<KeyUse>();

  get areOpen(): boolean {
    return this.#open.size > 0;
  }

  /** @returns what ends it */
  begin(key: Buffer, decision: string, socket: Socket): () => void {
    const use = { key, decision, socket };
    this.#open.add(use);
    return () => void this.#open.delete(use);
  }

  /**
   * The id of the decision that a question of the agent's is about. It stands for one question.
   * @param asked the fingerprint of the key
   * @param hasRead whether the agent has taken all that was sent on a connection
   */
  take(asked: string, hasRead: (socket: Socket) => boolean): string | undefined {
    for (const use of this.#open) {
      if (fingerprint(use.key) !== asked || !hasRead(use.socket)) continue;
      this.#open.delete(use);
      return use.decision;
    }
    return undefined;
  }
}
