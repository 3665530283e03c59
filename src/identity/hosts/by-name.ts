/** A host that somebody only names: what known_hosts and ssh_config say of it, if it proves a key that they know. */
import type { Destination } from "../../policy/request.ts";
import { SshConfigs } from "../ssh/configs.ts";
import type { PlainDestination } from "../ssh/plain-destination.ts";
import { HostIdentifier } from "./host-identity.ts";

export interface NamedHost {
  destination: Destination;
  /** As ssh_config has it; undefined where ssh can't say. */
  user: string | undefined;
}

/**
 * @param hostKey which of its keys it proves; needed for rules on host keys where known_hosts has several
 * @param sshConfig for `ssh -F`, which then reads no other file
 */
export async function hostNamed(
  to: Pick<PlainDestination, "host" | "port">,
  hostKey: string | undefined,
  sshConfig: string | undefined,
): Promise<NamedHost> {
  const configs = new SshConfigs(sshConfig === undefined ? {} : { file: sshConfig });
  const config = await configs.readDestination(to);
  const unverified = (how: string): Destination => ({ verified: false, names: [], how, claimed: to.host });
  if (!config) return { destination: unverified("ssh can't say where that leads"), user: undefined };
  const { user } = config;
  const { hostKeys = [], ...host } = await new HostIdentifier({}, configs).named(to, config);
  if (hostKeys.length === 0) return { destination: unverified("known_hosts has no key of it"), user };
  if (hostKey !== undefined && !hostKeys.includes(hostKey))
    return { destination: { ...unverified("known_hosts has other keys of it"), hostKey }, user };
  const [only] = hostKeys.length === 1 ? hostKeys : [hostKey];
  const how = hostKeys.length === 1 || only ? "host key known" : `one of ${hostKeys.length} host keys known`;
  return {
    destination: { ...host, verified: true, how, ...(only !== undefined && { hostKey: only }) },
    user,
  };
}
