/** Where to, in words. */
import type { Destination, Request } from "../request.ts";
import { folded, inQuotes, quoted, visible } from "../visible.ts";
import { hostName } from "./caller.ts";
import { describeNames, MANY } from "./names.ts";

/** The host's name, or that it is unknown and what the caller says of it. */
export function describeHost(destination: Destination | undefined, limit = 100): string {
  if (destination?.verified) return hostName(destination, limit);
  const claimed = destination?.claimed;
  const says = claimed === undefined ? "" : ` (it says ${inQuotes(folded(claimed, limit))})`;
  return `an unknown destination${says}`;
}

/**
 * Where to, and how that is known: `github.com, host key known (also known as gh)`, `unknown host key
 * SHA256:…`.
 */
export function describeProof(destination: Destination, { kind }: Request): string {
  const { how, verified, hostKey, claimed, names } = destination;
  if (verified) return `${hostName(destination)}, ${visible(how)}${describeAliases(names.slice(1))}`;
  if (kind !== "confirm") return hostKey === undefined ? visible(how) : `${visible(how)} ${hostKey}`;
  const name = claimed === undefined ? [] : [quoted(claimed, 100)];
  return [...name, ...(hostKey === undefined ? [] : [`host key ${hostKey}`]), visible(how)].join(", ");
}

function describeAliases(names: readonly string[]): string {
  return names.length === 0 ? "" : ` (also known as ${describeNames(names, MANY)})`;
}

export function describePath({ path }: Request): string {
  return path.length > 0 ? `, forwarded through ${path.map((hop) => hostName(hop)).join(" → ")}` : "";
}
