/** Settings that can't be used, with all that is wrong with them. */
export class SettingsError extends Error {
  override name = "SettingsError";
  /**
   * A line each, in the order of the files: `/path/policy.toml:4:1: unknown field "hots"; did you mean "host"?`.
   * The message has the first of them.
   */
  readonly faults: readonly string[];

  /** @param faults safe for a screen as they are */
  constructor(...faults: [string, ...string[]]) {
    const [first, ...more] = faults;
    super(more.length === 0 ? first : `${first} (and ${more.length} more: muxguard policy check)`);
    this.faults = faults;
  }
}
