/** The bus for a command of a person's. */
import { setTimeout as sleep } from "node:timers/promises";
import { Bus } from "../../fleet/bus/bus.ts";
import { personName } from "../../fleet/subjects.ts";
import type { FleetConfig, Person } from "../../settings/fleet/config.ts";
import { CliError, exitCodes } from "../cli-error.ts";

/** How long it is waited for, in milliseconds. */
const PATIENCE = 10_000;
/** The same where a server refuses: one that was started just before listens by then. */
const A_MOMENT = 2000;
/** As the bus says it: src/fleet/bus/probe.ts. */
const REFUSED = "connection refused";

export function noPerson(): CliError {
  return new CliError(
    "config.toml has no [fleet] with a person: muxguard fleet join person-NAME",
    exitCodes.settings,
  );
}

/** @throws CliError where it does not come about */
export async function personBus({ servers, tls, credentials }: FleetConfig, person: Person): Promise<Bus> {
  const name = personName(person.name);
  const bus = new Bus({ servers, tls, name, credentials: person.credentials ?? credentials });
  bus.start();
  const began = Date.now();
  const isInTime = (): boolean => Date.now() - began < (bus.fault === REFUSED ? A_MOMENT : PATIENCE);
  while (bus.fault !== undefined && isInTime()) await sleep(20);
  const { fault } = bus;
  if (fault === undefined) return bus;
  await bus.close();
  const addresses = servers.map((server) => server.replace(/\/\/.*@/, "//")).join(", ");
  const mend = fault === REFUSED ? "start nats-server there" : "muxguard doctor";
  throw new CliError(`the bus: ${fault}: ${addresses}; ${mend}`, 1);
}
