/** Exit codes of muxguard itself: sysexits(3), and those that a shell gives for a command. */
export const exitCodes = {
  /** Of `systemctl status`: nobody can tell. */
  unknown: 4,
  usage: 64,
  settings: 78,
  notExecutable: 126,
  notFound: 127,
  /** Plus the number of the signal that ended the command. */
  signal: 128,
} as const;

/** An error with an exit code of its own. */
export class CliError extends Error {
  override name = "CliError";
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}
