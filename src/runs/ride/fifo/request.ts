/**
 * What goes over the named pipes of a ride: both sides' words, and the names of the pipes. In a sandbox whose
 * programs may make no Unix sockets (seccomp), they are the way to the guard.
 *
 * A client writes a byte to `ask`, and reads a ticket of TICKET bytes from `tickets`: the name of a folder with
 * five pipes, which the guard has made for it. It opens `reply`, `out` and `err` to read, `in` to write, then
 * writes its request, a line of JSON, to `request`. That stays open while it lives: where it ends, the session
 * does. `in`, `out` and `err` are handed to the master: what goes over them does not come by the guard.
 *
 * Who reads and writes there, no kernel says. It is something in the run, for any pipe of a run's alike; a
 * program that takes another's ticket, or fills the pipes, spoils its own run.
 */
import { join } from "node:path";
import type { RideRequest } from "../../../rpc/requests.ts";

export interface FifoRequest {
  destination: RideRequest["destination"];
  asks: FifoSession;
  /** Whether it has a terminal that lines may be told on. */
  terminal: boolean;
}

export type FifoSession =
  /** A login shell for an empty command. `environment`: NAME=value. */
  | { kind: "session"; command: string; subsystem: boolean; environment: string[] }
  /** `-W`. The host is a path where there is no port. */
  | { kind: "stdio"; host: string; port?: number };

/** A line of JSON each. The last one is an end or an error. */
export type FifoReply = { report: string } | { exit: number } | { error: string };

export const TICKET = 16;
export const isTicket = (text: string): boolean => /^[0-9a-f]{16}$/.test(text);

/** The longest line of a request, in bytes. */
export const MAX_REQUEST = 64 * 1024;

export const pipes = ["request", "reply", "in", "out", "err"] as const;

/** @param ride the folder of the run's ride */
export function fifoPlaces(ride: string): { folder: string; ask: string; tickets: string } {
  const folder = join(ride, "fifo");
  return { folder, ask: join(folder, "ask"), tickets: join(folder, "tickets") };
}
