/** Opens masters, each once for all who may use it. */
import type { SshConfig } from "../../identity/ssh/config.ts";
import type { PlainDestination } from "../../identity/ssh/plain-destination.ts";
import type { Ending } from "../ending.ts";
import type { GuardedMaster, MasterRegistry } from "../registry.ts";
import { type OpeningParts, type OpenRequest, openMaster } from "./opening.ts";

export interface OpenerParts extends OpeningParts {
  registry: MasterRegistry;
  ending: Ending;
}

const REVOKED = "while it was being opened, what it leads to or was made with was revoked; try again";

export class Opener {
  readonly #parts: OpenerParts;
  readonly #opened = new Map<string, GuardedMaster>();
  readonly #opening = new Map<string, Promise<GuardedMaster>>();
  readonly #closed = new AbortController();

  constructor(parts: OpenerParts) {
    this.#parts = parts;
  }

  /**
   * The master for the request's destination: one that is there, or a new one, which is a decision.
   * @throws OpenDenied, or Error with what ssh said
   */
  async ensure(request: OpenRequest): Promise<GuardedMaster> {
    const key = keyOf(request);
    for (let other = this.#opening.get(key); other; other = this.#opening.get(key)) {
      await other.catch(() => {}); // somebody else's; where it was refused, this one is decided anew
      if (request.asker.gone.aborted) throw new Error("whoever asked went away");
    }
    const opened = this.#opened.get(key);
    if (opened) return opened;
    const opening = this.#open(key, request).finally(() => this.#opening.delete(key));
    this.#opening.set(key, opening);
    return opening;
  }

  async #open(key: string, request: OpenRequest): Promise<GuardedMaster> {
    const { registry, ending } = this.#parts;
    const since = ending.now;
    const gone = AbortSignal.any([request.asker.gone, this.#closed.signal]);
    const { master, origin } = await openMaster(this.#parts, {
      ...request,
      asker: { ...request.asker, gone },
    });
    if (master.hasStopped) throw new Error("the master has ended");
    const guarded: GuardedMaster = { kind: "opened", master, origin, host: request.destination.host };
    registry.add(guarded, () => this.#opened.delete(key));
    this.#opened.set(key, guarded);
    if (await ending.endLate(guarded, since)) throw new Error(REVOKED);
    return guarded;
  }

  /** Opens no more. Settles when none is being opened. */
  async close(): Promise<void> {
    this.#closed.abort(new Error("the guard has ended"));
    await Promise.allSettled(this.#opening.values());
  }
}

/**
 * What makes two connections the same: what ssh makes of it, and the name, for it may decide on the key to
 * log in with.
 */
function keyOf({ destination, config, options }: OpenRequest): string {
  return JSON.stringify([
    destination.host,
    identityOf(config),
    destination.user ?? config.user,
    jumpOf(destination, config),
    options,
  ]);
}

function identityOf({ hostname, port, hostKeyAlias, proxyCommand }: SshConfig): unknown[] {
  return [hostname, port, hostKeyAlias, proxyCommand];
}

function jumpOf({ jump }: PlainDestination, { proxyJump }: SshConfig): string | undefined {
  return jump ?? proxyJump;
}
