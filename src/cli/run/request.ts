/** A run as it is asked for, and as it is opened: by the daemon, or by a guard of its own. */

import type { TerminalUse } from "../guards/terminal.ts";

/** What a run is opened with. */
export interface RunRequest {
  name: string;
  /** Absolute paths. */
  policy?: string;
  upstream?: string;
  /** That of SSH_AUTH_SOCK. */
  agent?: string;
  ride: boolean;
  report: (line: string) => void;
  /** How questions come to the terminal of the run. */
  terminal: TerminalUse;
}

export interface OpenRun {
  agentSocket: string;
  /** For muxguard-askpass. */
  askpassSocket: string;
  /** For a ride: the folder with its programs. */
  readonly rideFolder?: string | undefined;
  /** Private, and gone when the run is closed. */
  folder: string;
  /** For `ssh -F`, if the guard reads such a file. */
  sshConfig?: string | undefined;
  /** The folders whose masters are taken over; absent where no daemon runs. */
  watched?: readonly string[];
  close(): Promise<void>;
}
