/**
 * That this process is to end, as whoever has started it no longer waits. What it shows has to leave the
 * screen first.
 */
const controller = new AbortController();

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const)
  process.once(signal, () => controller.abort(new Error("withdrawn")));

export const stopped: AbortSignal = controller.signal;
