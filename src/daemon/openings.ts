/** The masters that the guard has opened, each once for all who may use it, and the sockets that it listens at for them. */

import type { PlainDestination } from "../identity/plain-destination.ts";
import type { SshConfig } from "../identity/ssh-config.ts";
import { type ControlListener, listenAtControlPath } from "../platform/control-socket.ts";
import type { Master } from "./master.ts";
import type { ServeClient } from "./masters.ts";
import { type OpeningParts, type OpenRequest, openMaster } from "./opening.ts";

interface Opened {
  master: Master;
  listeners: Set<ControlListener>;
}

export class Openings {
  readonly #parts: OpeningParts;
  readonly #opened = new Map<string, Promise<Opened>>();

  constructor(parts: OpeningParts) {
    this.#parts = parts;
  }

  /**
   * The master for the request's destination: one that is there, or a new one, which is a decision.
   * @throws OpenDenied, or Error with what ssh said
   */
  async #ensure(request: OpenRequest): Promise<Opened> {
    const key = keyOf(request);
    for (let opening = this.#opened.get(key); opening; opening = this.#opened.get(key)) {
      const opened = await opening.catch(() => undefined); // somebody else's, and it was refused: this one is decided anew
      if (opened) return opened;
      if (this.#opened.get(key) === opening) this.#opened.delete(key);
    }
    const opening = this.#open(key, request);
    this.#opened.set(key, opening);
    opening.catch(() => this.#opened.delete(key));
    return opening;
  }

  async #open(key: string, request: OpenRequest): Promise<Opened> {
    const listeners = new Set<ControlListener>();
    const ended = ({ pid }: Master): void => {
      this.#opened.delete(key);
      this.#parts.ended(pid);
      for (const listener of listeners) listener.close();
    };
    return { master: await openMaster(this.#parts, request, ended), listeners };
  }

  /**
   * Listens at the path for the request's destination.
   * @throws OpenDenied, or Error
   */
  async listen(path: string, request: OpenRequest, serve: ServeClient): Promise<ControlListener> {
    const { master, listeners } = await this.#ensure(request);
    const listener = await listenAtControlPath(path, (socket, accepted) => serve(socket, accepted, master));
    listeners.add(listener);
    this.#parts.listening(master.pid, path);
    return listener;
  }

  /** Ends the master that is behind a path. Returns false if there is none. */
  async end(path: string): Promise<boolean> {
    for (const { master, listeners } of await this.all()) {
      if (![...listeners].some((listener) => listener.path === path)) continue;
      master.end();
      return true;
    }
    return false;
  }

  async all(): Promise<Opened[]> {
    const settled = await Promise.all(
      [...this.#opened.values()].map((opening) => opening.catch(() => undefined)),
    );
    return settled.flatMap((opened) => opened ?? []);
  }

  /** Ends them: nobody else could reach them. */
  async close(): Promise<void> {
    for (const { master, listeners } of await this.all()) {
      for (const listener of listeners) listener.close();
      master.end();
      master.release();
    }
  }
}

/** What makes two connections the same: not the name that was typed, but what ssh makes of it. */
function keyOf({ destination, config, options }: OpenRequest): string {
  return JSON.stringify([
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
