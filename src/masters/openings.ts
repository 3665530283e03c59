/**
 * The masters that the guard has opened, each once for all who may use it, and the sockets that it listens at
 * for them.
 */

import type { SshConfig } from "../identity/ssh/config.ts";
import type { PlainDestination } from "../identity/ssh/plain-destination.ts";
import { type ControlListener, listenAtControlPath } from "../platform/sockets/control-socket.ts";
import type { Master } from "./master.ts";
import type { ServeClient } from "./masters.ts";
import { type OpeningParts, type OpenRequest, openMaster } from "./opening.ts";

interface Opened {
  /** As whoever wanted it first named the host. */
  host: string;
  master: Master;
  listeners: Set<ControlListener>;
}

export class Openings {
  readonly #parts: OpeningParts;
  readonly #opened = new Map<string, Opened>();
  readonly #opening = new Map<string, Promise<Opened>>();
  /** All that have not ended: those too that take no more clients (`-O stop`). */
  readonly #masters = new Set<Master>();
  readonly #closed = new AbortController();

  constructor(parts: OpeningParts) {
    this.#parts = parts;
  }

  /**
   * The master for the request's destination: one that is there, or a new one, which is a decision.
   * @throws OpenDenied, or Error with what ssh said
   */
  async #ensure(request: OpenRequest): Promise<Opened> {
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

  async #open(key: string, request: OpenRequest): Promise<Opened> {
    const listeners = new Set<ControlListener>();
    const onStop = (): void => {
      this.#opened.delete(key);
      for (const listener of listeners) listener.stop();
    };
    const gone = AbortSignal.any([request.asker.gone, this.#closed.signal]);
    const asked = { ...request, asker: { ...request.asker, gone } };
    const master = await openMaster(this.#parts, asked, onStop);
    this.#masters.add(master);
    master.watchEnd(() => {
      this.#masters.delete(master);
      this.#parts.ended(master.pid);
    });
    if (master.hasStopped) throw new Error("the master has ended");
    const opened = { host: request.destination.host, master, listeners };
    this.#opened.set(key, opened);
    return opened;
  }

  /**
   * Listens at the path for the request's destination.
   * @throws OpenDenied, or Error
   */
  async listen(path: string, request: OpenRequest, serve: ServeClient): Promise<ControlListener> {
    const { master, listeners } = await this.#ensure(request);
    const listener = await listenAtControlPath(path, (socket, accepted) => serve(socket, accepted, master));
    if (master.hasStopped) {
      listener.close();
      throw new Error("the master has ended");
    }
    for (const other of listeners) if (!other.isInPlace()) closeIn(listeners, other);
    listeners.add(listener);
    this.#parts.listening(master.pid, path);
    return listener;
  }

  /** Ends the master that is behind a path, or those of a host. Returns false if there is none. */
  end(pathOrHost: string): boolean {
    const found = this.all().filter(
      ({ host, listeners }) => host === pathOrHost || [...listeners].some(({ path }) => path === pathOrHost),
    );
    for (const { master } of found) void master.end();
    return found.length > 0;
  }

  all(): Opened[] {
    return [...this.#opened.values()];
  }

  /** Ends them: nobody else could reach them. */
  async close(): Promise<void> {
    this.#closed.abort(new Error("the guard has ended"));
    await Promise.allSettled(this.#opening.values());
    for (const { listeners } of this.all()) for (const listener of listeners) listener.close();
    await Promise.all([...this.#masters].map((master) => master.end()));
    for (const master of this.#masters) master.release();
  }
}

function closeIn(listeners: Set<ControlListener>, listener: ControlListener): void {
  listener.close();
  listeners.delete(listener);
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
