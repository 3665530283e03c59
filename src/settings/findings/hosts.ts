/** Hosts that rules name, and that nobody knows. */
import type { Rule } from "../../policy/policy.ts";
import { closest } from "../closest.ts";

/** What known_hosts and ssh_config know. */
export interface KnownHostNames {
  /** @param ports that it may have */
  has(name: string, ports: readonly number[]): boolean;
  /** Those that are spelled out. */
  names: readonly string[];
}

interface UnknownHost {
  kind: "warning" | "note";
  field: "host";
  text: string;
}

/** A mistake where the name of one that is known is near; else a host that nobody has been at yet. */
export function unknownHosts({ host, port = [], verified }: Rule, known: KnownHostNames): UnknownHost[] {
  if (host === undefined || verified === false) return []; // what is claimed need not be known
  const items = host.split(",").map((item) => item.trim().replace(/^!\s*/, "").toLowerCase());
  const names = items.filter((item) => /^[^\s*?/@[\]]+$/.test(item) && !/^[^:]+:\d+$/.test(item));
  const unknown = names.filter((name) => !known.has(name, [port].flat()));
  return unknown.map((name) => {
    const meant = closest(name, known.names);
    const text = `"${name}" is in no known_hosts and no ssh_config`;
    if (meant !== undefined)
      return { kind: "warning", field: "host", text: `${text}; did you mean "${meant}"?` };
    return {
      kind: "note",
      field: "host",
      text: `host ${text}: it matches nothing before somebody has been there`,
    };
  });
}
