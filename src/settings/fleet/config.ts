/** What `[fleet]` says: how this machine and its person join others. */
import { resolve } from "node:path";
import { expandHome } from "../expand-home.ts";
import type { FleetTable } from "./schema.ts";

export interface FleetConfig {
  /** Addresses of NATS servers; `tls://` takes no other connection. */
  servers: readonly string[];
  /** The name of this machine. */
  machine: string;
  /** A NATS creds file, or the seed of an nkey; undefined for a server that asks for none. */
  credentials: string | undefined;
  /** Paths of PEM files. */
  tls: { ca?: string; cert?: string; key?: string };
  /** The path of the allowed_signers file. */
  signers: string;
  /** Where the fleet's policy stands; what it denies comes first in any case. */
  policy: "before" | "after";
  /** The private key of this machine, for seals. */
  machineKey: string | undefined;
  /** Whose answers count that come from the machine that asks: all, those principals', or nobody's. */
  self: boolean | readonly string[];
  /** Who answers here, with `muxguard watch --fleet`. */
  person: Person | undefined;
}

export interface Person {
  /** As the allowed_signers file has it. */
  name: string;
  /** For the bus; the machine's if not given. */
  credentials: string | undefined;
  /** The path of the public key that the agent signs with. */
  key: string | undefined;
}

/** @param folder that of config.toml, which paths begin at */
export function fleetOf(table: FleetTable, folder: string): FleetConfig {
  const path = (name: string): string => resolve(folder, expandHome(name));
  const given = (name: string | undefined): string | undefined =>
    name === undefined ? undefined : path(name);
  const { servers, machine, credentials, ca, cert, cert_key: key, person } = table;
  return {
    servers,
    machine,
    credentials: given(credentials),
    tls: { ...(ca && { ca: path(ca) }), ...(cert && { cert: path(cert) }), ...(key && { key: path(key) }) },
    signers: path(table.signers ?? "allowed_signers"),
    machineKey: given(table.machine_key),
    policy: table.fleet_policy ?? "before",
    self: table.self ?? false,
    person:
      person === undefined
        ? undefined
        : { name: person, credentials: given(table.person_credentials), key: given(table.person_key) },
  };
}
