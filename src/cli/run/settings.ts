/** What a run is to be, of the flags and of `[scope.NAME]` in config.toml. What a flag says stands. */
import { resolve } from "node:path";
import { plainRun, type RunSettings } from "../../policy/run-settings.ts";
import { named } from "../../policy/visible.ts";
import { notToldToday } from "../../runs/unguarded/told.ts";
import type { Told } from "../../runs/unguarded/way.ts";
import type { Paths } from "../../settings/paths.ts";
import type { Scope } from "../../settings/scopes.ts";
import { toStderr } from "../../to-stderr.ts";
import { CliError, exitCodes } from "../cli-error.ts";

/** Of the command line. */
export interface SettingsFlags {
  /** The name of the run. */
  scope?: string;
  policy?: string;
  confine?: boolean;
  ride?: boolean;
  /** What a confined run sees is shown, and nothing is started. */
  show?: boolean;
}

/**
 * Says on stderr what a run that could be confined does not hold. config.toml is read for a name alone: a plain
 * run starts as fast as ever.
 * @throws SettingsError, CliError
 */
export async function settingsOf(
  flags: SettingsFlags,
  paths: Pick<Paths, "config" | "told">,
): Promise<RunSettings> {
  const scope = flags.scope === undefined ? undefined : await scopeNamed(flags.scope, paths);
  const settings = runSettings(flags, scope);
  const unheld = notHeld(flags, scope);
  if (unheld) for (const { text } of notToldToday(paths.told, [unheld])) toStderr(`muxguard: ${text}`);
  return settings;
}

/** Undefined for a name that rules alone know. */
async function scopeNamed(name: string, paths: Pick<Paths, "config">): Promise<Scope | undefined> {
  const { readScopes } = await import("../../settings/scopes.ts");
  const scopes = await readScopes(paths);
  if (scopes.size > 0 && !scopes.has(name)) {
    const { closest } = await import("../../settings/closest.ts");
    const meant = closest(name, [...scopes.keys()]);
    // it would be a run without what that scope says
    if (meant !== undefined)
      toStderr(
        `muxguard: config.toml has no scope ${named(name, 60)}; did you mean [scope.${named(meant, 60)}]?`,
      );
  }
  return scopes.get(name);
}

/** `said`: what somebody says of confining. A ride is confined, unless they say otherwise. */
function wanted(flags: SettingsFlags, scope: Scope): { ride: boolean; said?: boolean; confine: boolean } {
  const ride = flags.ride ?? scope.ride ?? false;
  const said = flags.confine ?? scope.confine;
  return { ride, ...(said !== undefined && { said }), confine: said ?? ride };
}

/** @throws CliError for what could hold in confined runs alone, of one that nobody says is confined */
export function runSettings(flags: SettingsFlags, scope: Scope = {}): RunSettings {
  const { ride, said, confine } = wanted(flags, scope);
  const ofConfined = fieldsOfConfined(scope);
  if (said === undefined && !confine && ofConfined.length > 0)
    throw new CliError(
      `config.toml: [scope.${named(flags.scope ?? "", 60)}] has ${ofConfined.join(", ")}, which hold in ` +
        "confined runs alone; say confine = true there, or --confine",
      exitCodes.settings,
    );
  if (flags.show && !confine)
    throw new CliError("--show is of what a confined run sees; say --confine too", exitCodes.usage);
  const policy = flags.policy === undefined ? scope.policy : resolve(flags.policy);
  return { ...plainRun, ...scope, confine, ride, ...(policy !== undefined && { policy }) };
}

/** Of a run that is not confined although something of it asks for that. Told once a day, as other ways are. */
export function notHeld(flags: SettingsFlags, scope: Scope = {}): Told | undefined {
  const { ride, confine } = wanted(flags, scope);
  if (confine) return undefined;
  const ofConfined = fieldsOfConfined(scope);
  if (!ride && !scope.confine && ofConfined.length === 0) return undefined;
  const lost =
    ofConfined.length === 0 ? "" : `; what its scope says of ${ofConfined.join(", ")} does not hold`;
  return {
    id: ["no-confine", ...ofConfined].join(" "),
    text:
      "not confined: what runs in it can reach your keys, agents, connections, programs and desktop " +
      `past the guard${lost}`,
  };
}

/** As config.toml has them. */
const ofConfinedRuns = {
  hide: "hide",
  readOnly: "read_only",
  writable: "writable",
  desktop: "desktop",
  network: "network",
  nested: "nested",
} as const;

function fieldsOfConfined(scope: Scope): string[] {
  const fields = Object.keys(ofConfinedRuns) as (keyof typeof ofConfinedRuns)[];
  return fields.filter((field) => scope[field] !== undefined).map((field) => ofConfinedRuns[field]);
}
