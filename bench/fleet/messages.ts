/** What the bench says to the machines that it simulates, and they to it. */

/** So many entries into the log of each machine; or so many machines ask a question each. */
export type ToMachines = { write: number; batch: string } | { ask: number };

export type FromMachines =
  | { is: "connected" | "policy" | "answered"; machine: string; at: number }
  | { is: "refused" | "fault"; machine: string; reason: string }
  | { is: "written" };

/** In milliseconds, by the clock that all processes of a system have in common. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
