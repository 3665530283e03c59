/**
 * What the fleet says to this machine as it was kept, for commands that talk about the policy: verified as a guard
 * does it at its start, with or without the bus.
 */
import type { Policy } from "../../policy/policy.ts";
import { visible } from "../../policy/visible.ts";
import type { FleetConfig } from "../../settings/fleet/config.ts";
import type { Paths } from "../../settings/paths.ts";
import { FleetPolicy } from "./fleet-policy.ts";

export interface KnownPolicy {
  /** A policy of this machine's with what the fleet says, as a guard takes it. */
  merge(own: Policy): Policy;
  /** In a few words; undefined where the fleet has said nothing. Safe for a screen. */
  described: string | undefined;
  /** Why some of it does not hold as it was signed. Safe for a screen. */
  wrong: string[];
  /** Who can change a rule of the fleet's, and how; undefined where it has none of that name. */
  whoChanges(rule: string): string | undefined;
}

/** Never rejects: what can't be verified is in doubt. */
export async function knownPolicy(
  config: FleetConfig,
  { fleetPolicy: path, runtime: folder }: Pick<Paths, "fleetPolicy" | "runtime">,
): Promise<KnownPolicy> {
  const wrong: string[] = [];
  const policy = new FleetPolicy({
    ...{ config, path, verifying: { folder, environment: process.env } },
    refused: (reason) => wrong.push(visible(reason, 400)),
    // nothing comes over the bus here
    taken: () => {},
    revoked: () => {},
  });
  await policy.load();
  if (policy.isExpired) wrong.push(`the fleet's policy: ${policy.described}`);
  return {
    merge: (own) => policy.merge(own),
    described: policy.described,
    wrong,
    whoChanges: (rule) => {
      const source = policy.sourceOf(rule);
      if (!source) return undefined;
      const signer = `it is the fleet's, signed by ${visible(source.by, 80)}`;
      const way = source.kind === "policy" ? "fleet policy push" : "fleet revoke --lift";
      return `${signer}: whoever may sign in muxguard-policy changes it, with muxguard ${way}`;
    },
  };
}
