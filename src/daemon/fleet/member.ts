/** This machine in a fleet, made where config.toml has a [fleet]: all of it is loaded for that alone. */
import type { Member } from "../../fleet/member.ts";
import type { Config } from "../../settings/config.ts";
import type { Paths } from "../../settings/paths.ts";

/** @param isOnBus whether it joins the others; else it goes by what they said last */
export async function memberOf(
  { fleet: config }: Config,
  { fleetPolicy: policyFile, log, fleetLog: logPlace }: Paths,
  folder: string,
  isOnBus: boolean,
): Promise<Member | undefined> {
  if (!config) return undefined;
  const { Member } = await import("../../fleet/member.ts");
  return new Member({ config, folder, policyFile, log, logPlace, environment: process.env, isOnBus });
}
