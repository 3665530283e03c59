/** A way past the guard that a run can't close. All of it is safe for a screen, but for its id. */
export interface Way {
  /** There is one line a day about it. */
  id: string;
  /** What is not guarded. */
  what: string;
  mend: string;
  /** Both, in a line. */
  text: string;
}

/** What is told of one. */
export type Told = Pick<Way, "id" | "text">;

export function wayOf(id: string, what: string, mend: string): Way {
  return { id, what, mend, text: `${what}; ${mend}` };
}

export interface WayFacts {
  /** Of whoever starts the run. */
  environment: NodeJS.ProcessEnv;
  /** In which the run begins. */
  folder: string;
  ride: boolean;
  /** For `ssh -F`; undefined for the user's own files. */
  sshConfig: string | undefined;
  /** The folders whose masters are taken over; undefined where no daemon runs. */
  watched: readonly string[] | undefined;
  /** The login session's guarded agent: to name that in ssh_config is no way past it. */
  agentSocket: string;
}
