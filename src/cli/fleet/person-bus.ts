/** The bus for a command of a person's. */
import { setTimeout as sleep } from "node:timers/promises";
import { Bus } from "../../fleet/bus/bus.ts";
import { personName } from "../../fleet/subjects.ts";
import type { FleetConfig, Person } from "../../settings/fleet/config.ts";

/** How long it is waited for, in milliseconds. */
const PATIENCE = 10_000;

/** Whether it came about, its `connection` and `fault` say. */
export async function personBus({ servers, tls, credentials }: FleetConfig, person: Person): Promise<Bus> {
  const name = personName(person.name);
  const bus = new Bus({ servers, tls, name, credentials: person.credentials ?? credentials });
  bus.start();
  const end = Date.now() + PATIENCE;
  while (bus.fault !== undefined && Date.now() < end) await sleep(20);
  return bus;
}
