/**
 * Listening sockets that this process was started with: socket activation, sd_listen_fds(3). Whoever starts it
 * (systemd) listens first, so that a client finds the path before there is a guard.
 *
 * A descriptor is believed in nothing but what the kernel says of it: a listening Unix socket, at a path that
 * is asked for.
 */
import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { attempt } from "../../attempt.ts";
import { closeOnExec, duplicate } from "../libc/descriptors.ts";
import { listeningPath } from "../libc/sockets.ts";
import { leadsHere } from "./listening-socket.ts";

/** The first one. */
const FIRST = 3;
const MOST = 16;

export class InheritedSockets {
  /** The descriptor of each path. They stay open, for the program that this process may become. */
  readonly #descriptors: ReadonlyMap<string, number>;

  private constructor(descriptors: ReadonlyMap<string, number>) {
    this.#descriptors = descriptors;
  }

  /**
   * Takes what the environment tells of out of it: no program that this process starts is to believe it.
   * @param paths those that are taken
   * @throws Error for a descriptor that is no listening Unix socket, or that listens elsewhere
   */
  static take(environment: NodeJS.ProcessEnv, paths: readonly string[]): InheritedSockets {
    const { LISTEN_FDS: count, LISTEN_PID: pid } = environment;
    for (const name of ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"]) delete environment[name];
    if (count === undefined || pid !== String(process.pid)) return new InheritedSockets(new Map());
    if (!/^\d{1,3}$/.test(count) || Number(count) > MOST)
      throw new Error(`LISTEN_FDS=${count}: not a number up to ${MOST}`);
    const found = new Map<string, number>();
    for (let fd = FIRST; fd < FIRST + Number(count); fd++) {
      const path = pathOf(fd, paths);
      if (found.has(path))
        throw new Error(`descriptor ${fd} of LISTEN_FDS listens at ${path}, as one before`);
      closeOnExec(fd);
      found.set(path, fd);
    }
    return new InheritedSockets(found);
  }

  get paths(): string[] {
    return [...this.#descriptors.keys()];
  }

  /** A descriptor of the socket at the path, which belongs to the caller; undefined where there is none. */
  descriptor(path: string): number | undefined {
    const fd = this.#descriptors.get(path);
    return fd === undefined ? undefined : duplicate(fd);
  }

  /**
   * For the program that this process becomes: the variables that tell of them. None where a path leads
   * elsewhere by now: it listens there by itself.
   */
  handOn(): NodeJS.ProcessEnv {
    const { size } = this.#descriptors;
    if (size === 0 || !this.paths.every(leadsHere)) return {};
    for (const fd of this.#descriptors.values()) closeOnExec(fd, false);
    return { LISTEN_FDS: String(size), LISTEN_PID: String(process.pid) };
  }
}

/** @throws Error */
function pathOf(fd: number, wanted: readonly string[]): string {
  const path = listeningPath(fd);
  if (path === undefined) throw new Error(`descriptor ${fd} of LISTEN_FDS is no listening Unix socket`);
  const known = wanted.find((one) => placeOf(one) === placeOf(path));
  if (known !== undefined) return known;
  throw new Error(
    `descriptor ${fd} of LISTEN_FDS listens at ${path}; muxguard takes ${wanted.join(" and ")}`,
  );
}

/** Whatever links the way there has. */
function placeOf(path: string): string {
  const folder = dirname(path);
  return join(attempt(() => realpathSync(folder)) ?? folder, basename(path));
}
