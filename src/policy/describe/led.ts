/** The command line of an ssh that a run's shim has started: src/runs/leading. */

/** The option by which it is led to the guard's agent. */
const ours = /^IdentityAgent=\/[^"\s]*\/muxguard(?:-\d+)?\/[\w-]+(?:\/agent)?\.sock$/;

/** The words as ssh was called with, which are what a person has seen or typed. */
export function calledWith(cmdline: readonly string[]): readonly string[] {
  const [program = "", option, value = "", ...others] = cmdline;
  return option === "-o" && ours.test(value) ? [program, ...others] : cmdline;
}
