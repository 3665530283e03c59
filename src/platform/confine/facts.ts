/** What was found of the user's files that a confined run is to be kept from. Types alone. */

/** Something that is there, by its real path: no part of it is a link. */
export interface Place {
  path: string;
  folder: boolean;
  /** In a word or two, for whoever looks at the plan: "private key". */
  why: string;
  /** It stays as it is where the run may use the desktop. */
  desktop?: boolean;
}

/** A folder of which the run sees nothing but these. */
export interface Sieve extends Place {
  /** What is in it and stays, as paths. */
  kept: readonly string[];
}

export interface ConfineFacts {
  /** They are as if they were empty. */
  hidden: readonly Place[];
  /** Folders that are empty but for what is kept of them, which can only be read. */
  sieved: readonly Sieve[];
  readOnly: readonly Place[];
  /** What `writable` names. */
  writable: readonly Place[];
  /** The folder for temporary files, which the run gets anew. What is kept of it can be written to. */
  temporary: Sieve;
  /** Where agents are, or would be: those that are not there count where their folder is the run's own. */
  agents: readonly { path: string; isThere: boolean }[];
  /** Of the run. Undefined where it has no agent. */
  agentSocket?: string;
  /** What the run needs of folders that are hidden. */
  own: readonly string[];
  /** What the run needs of the desktop, where it may use that. */
  desktop: readonly string[];
  /** Programs that others are put in the place of. */
  replaced: readonly { path: string; by: string }[];
  /** Folders above all these that the user could rename: they would take what is protected with them. */
  movable: ReadonlySet<string>;
  /** An empty file that nobody may read. */
  empty: string;
}
