/** The files that `[fleet]` names, and a bus that everybody in between can read. Whether it is there, status says. */
import { existsSync } from "node:fs";
import { messageOf } from "../errors.ts";
import { ranOut, readSecret } from "../fleet/bus/credentials.ts";
import { readRegularFile } from "../platform/files/regular-file.ts";
import { visible } from "../policy/visible.ts";
import type { FleetConfig } from "../settings/fleet/config.ts";
import type { Finding } from "./finding.ts";

const topic = "fleet";

export function fleetFindings(fleet: FleetConfig | undefined): Finding[] {
  if (!fleet) return [];
  const { credentials, machineKey, signers, person, tls } = fleet;
  const secrets = {
    credentials,
    machine_key: machineKey,
    person_credentials: person?.credentials,
    cert_key: tls.key,
  };
  return [
    ...Object.entries(secrets).flatMap(([field, path]) => fault(field, path, readSecret)),
    ...[["credentials", credentials] as const, ["person_credentials", person?.credentials] as const].flatMap(
      ([field, path]) => ended(field, path),
    ),
    ...fault("signers", signers, (path) => readRegularFile(path, "followed")),
    ...[["ca", tls.ca] as const, ["cert", tls.cert] as const, ["person_key", person?.key] as const].flatMap(
      ([field, path]) =>
        path === undefined || existsSync(path) ? [] : [wrong(field, `there is no file ${path}`)],
    ),
    ...openServers(fleet),
    ...unanswerable(fleet),
  ];
}

function fault(field: string, path: string | undefined, read: (path: string) => unknown): Finding[] {
  if (path === undefined) return [];
  try {
    read(path);
    return [];
  } catch (error) {
    return [wrong(field, messageOf(error))];
  }
}

/** Says itself what to do. */
function ended(field: string, path: string | undefined): Finding[] {
  const what = path === undefined ? undefined : ranOut(path);
  return what === undefined ? [] : [{ topic, level: "wrong", what: `[fleet] ${field}: ${visible(what)}` }];
}

function wrong(field: string, what: string): Finding {
  return {
    topic,
    level: "wrong",
    what: `[fleet] ${field}: ${visible(what)}`,
    mend: "change it in config.toml",
  };
}

/** Questions say which commands are run where. */
function openServers({ servers }: FleetConfig): Finding[] {
  const open = servers.filter((server) => /^nats:\/\/(?!(?:localhost|127\.|\[::1\]))/.test(server));
  if (open.length === 0) return [];
  const what = `the bus is reached without TLS, and who is in between reads questions: ${open.join(", ")}`;
  return [
    { topic, level: "note", what: visible(what), mend: "tls:// in servers, if the network is not encrypted" },
  ];
}

function unanswerable({ person }: FleetConfig): Finding[] {
  if (!person || person.key !== undefined) return [];
  return [wrong("person_key", "it is missing: nothing can be answered here")];
}
