/**
 * Any process of the same user could switch on Node's debugger with a SIGUSR1, and steer this one. A file of
 * its own: it is the first thing that a program does, before it is known what else it needs.
 */

/** Takes the place of Node's own handler, which starts the debugger. */
export function ignoreDebuggerSignal(): void {
  process.on("SIGUSR1", () => {});
}
