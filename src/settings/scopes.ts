/**
 * `[scope.NAME]` of config.toml: what `muxguard run --scope NAME` is to be. Read by the run itself, each time;
 * a daemon knows nothing of it.
 */
import { join, resolve } from "node:path";
import type { RunSettings } from "../policy/run-settings.ts";
import type { ConfigFile } from "./config-schema.ts";
import { expandHome } from "./expand-home.ts";
import type { Paths } from "./paths.ts";
import { readSettings } from "./settings.ts";

/** What is said of it; the rest is as of any run. */
export type Scope = Partial<RunSettings>;

/** By name. @throws SettingsError */
export async function readScopes({ config }: Pick<Paths, "config">): Promise<ReadonlyMap<string, Scope>> {
  const path = join(config, "config.toml");
  const { scope = {} } = (await readSettings(path, "config")) ?? {};
  return new Map(Object.entries(scope).map(([name, table]) => [name, scopeOf(table, config)]));
}

function scopeOf(
  { policy, hide, read_only, writable, ...flags }: NonNullable<ConfigFile["scope"]>[string],
  folder: string,
): Scope {
  return {
    ...flags,
    ...(policy !== undefined && { policy: resolve(folder, expandHome(policy)) }),
    ...(hide && { hide: absolute(hide) }),
    ...(read_only && { readOnly: absolute(read_only) }),
    ...(writable && { writable: absolute(writable) }),
  };
}

function absolute(paths: readonly string[]): string[] {
  return paths.map((path) => resolve(expandHome(path)));
}
