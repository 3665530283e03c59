/** What a run is to be: by the flags of `muxguard run`, and by a `[scope.NAME]` of config.toml. */

export interface RunSettings {
  /** Whether the kernel keeps the run's programs from all that is the user's: src/platform/confine. */
  confine: boolean;
  /** Whether its ssh has no key and no connection of its own. */
  ride: boolean;
  /** The file with its rules, an absolute path; the user's own policy where there is none. */
  policy?: string;
  /** Absolute paths that are not there for a confined run. */
  hide: readonly string[];
  /** Absolute paths that it may read alone. */
  readOnly: readonly string[];
  /** Absolute paths that it may write, although they would be read-only. */
  writable: readonly string[];
  /** Whether the session bus, the X server and Wayland are there for it. */
  desktop: boolean;
  /** Whether it has the network. Rides go on working without. */
  network: boolean;
  /** Whether user namespaces may be made inside, as sandboxes of coding agents do. */
  nested: boolean;
}

/** Of a run that nothing is said of. */
export const plainRun: RunSettings = {
  confine: false,
  ride: false,
  hide: [],
  readOnly: [],
  writable: [],
  desktop: false,
  network: true,
  nested: false,
};
