/** A run as it is asked for, and as it is opened: by the daemon, or by a guard of its own. */

import type { ConfinedReach } from "../../rpc/requests.ts";
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
  /** What it is for: `--why`. */
  why?: string;
  /** Of a run that namespaces hold: what it reaches all the same. */
  confined?: ConfinedReach;
  report: (line: string) => void;
  /** How questions come to the terminal of the run. */
  terminal: TerminalUse;
  /** Called with the run's folder while the guard opens the run: what can be done meanwhile costs no time. */
  meanwhile?: (folder: string) => void;
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
  /** The paths of the agents behind the guard. */
  readonly agents: readonly string[];
  /**
   * Tells the guard the namespaces of a confined run, before anything in them asks it.
   * @param pid a process in them
   * @param moved programs that the run finds at another path
   * @throws Error where the guard can't see them
   */
  noteConfined(pid: number, moved: readonly string[]): Promise<void>;
  close(): Promise<void>;
}
