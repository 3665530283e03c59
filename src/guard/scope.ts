/** Where a request came in: the login session's own socket, or the socket of one `muxguard run`. */
import type { Approver } from "../approver/approver.ts";
import type { Policy } from "../policy/policy.ts";

export interface Scope {
  /** The run's own identity; undefined outside of a run. */
  readonly run: string | undefined;
  /** The name that policies know it by (`--scope`); undefined outside of a run. */
  readonly name: string | undefined;
  /** The policy as its files are now. */
  policy(): Policy | Promise<Policy>;
  readonly approvers: readonly Approver[];
  /** Whether a question stays open for `muxguard approve` alone, where no approver can be reached: under a daemon, where someone may look. */
  readonly holdsQuestions: boolean;
  /** Tells the user, on the stderr of whoever started it. One line, without a newline. */
  report(line: string): void;
}
