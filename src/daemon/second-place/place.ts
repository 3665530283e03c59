/** Where entries go beside the file: `log_to` of config.toml. */

/** An entry as it is in the file. */
export interface Entry {
  json: string;
  time: Date;
  id: string;
  decision: "allow" | "deny";
  kind: string;
}

export interface Place {
  /** As config.toml has it. */
  readonly name: string;
  /** How many it takes at once. */
  readonly most: number;
  /** Rejects where it does not take them; they are sent again. */
  send(entries: readonly Entry[]): Promise<void>;
}
