/** Settings that can't be used, with all that is wrong with them. */

/** A mistake. */
export interface SettingsFault {
  /** A line: `/path/policy.toml:4:1: unknown field "hots"; did you mean "host"?`. Safe for a screen. */
  line: string;
  /** The same in parts, where it is known: safe for a screen too. */
  at?: { line: number; column: number; text: string };
}

export class SettingsError extends Error {
  override name = "SettingsError";
  /** In the order of the files. */
  readonly all: readonly SettingsFault[];

  /** @param faults safe for a screen as they are */
  constructor(...faults: [string | SettingsFault, ...(string | SettingsFault)[]]) {
    const all = faults.map((fault) => (typeof fault === "string" ? { line: fault } : fault));
    const [first, ...more] = all.map(({ line }) => line);
    super(more.length === 0 ? first : `${first} (and ${more.length} more: muxguard policy check)`);
    this.all = all;
  }

  /** A line each. */
  get faults(): readonly string[] {
    return this.all.map(({ line }) => line);
  }
}
