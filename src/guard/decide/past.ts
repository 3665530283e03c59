/** What was before a guard began, as far as its questions speak of it. */
export interface Past {
  /** Resolves once it is known, or would take too long. Never rejects. */
  ready(): Promise<void>;
  /** That rules would have helped, where that was not said today. */
  tip(): string | undefined;
  /** How often a person approved what a rule of this key would allow. */
  approvals(key: string): number;
}
