/** The keys that agents listed: the comments make a fingerprint readable. */

import type { KeyFacts } from "../../policy/request.ts";
import { type Identity, parseAgentReply } from "../../wire/agent/agent.ts";
import type { Frame } from "../../wire/frame.ts";
import { ProtocolError } from "../../wire/protocol-error.ts";
import { fingerprint, keyType } from "../../wire/public-key.ts";

/** An agent holds fewer keys than this; ssh-add refuses to read a longer list (authfd.c). */
const MAX_KEYS = 2048;

export class KeyNames {
  readonly #facts = new Map<string, KeyFacts>();
  #last: Buffer = Buffer.alloc(0);

  /** Learns from a reply to SSH_AGENTC_REQUEST_IDENTITIES. Anything else is passed over. */
  learn({ payload }: Frame): void {
    if (payload.equals(this.#last)) return;
    try {
      const reply = parseAgentReply(payload);
      if (reply.type !== "SSH_AGENT_IDENTITIES_ANSWER") return;
      this.#replace(reply.identities);
      this.#last = Buffer.from(payload);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
  }

  #replace(identities: readonly Identity[]): void {
    this.#facts.clear();
    for (const { key, comment } of identities.slice(0, MAX_KEYS)) {
      const facts = readFacts(key);
      if (facts) this.#facts.set(key.toString("latin1"), { ...facts, comment });
    }
  }

  /** For another agent. */
  forget(): void {
    this.#replace([]);
    this.#last = Buffer.alloc(0);
  }

  /** Undefined for a key that no agent listed. */
  find(key: Buffer): KeyFacts | undefined {
    return this.#facts.get(key.toString("latin1"));
  }
}

/** Undefined for a blob that is no key: it must not hide those listed behind it. */
function readFacts(key: Buffer): KeyFacts | undefined {
  try {
    return keyFacts(key);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

/** @throws ProtocolError for a blob that is no key */
export function keyFacts(key: Buffer): KeyFacts {
  return { type: keyType(key), fingerprint: fingerprint(key) };
}
