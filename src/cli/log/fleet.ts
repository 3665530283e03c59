/** `muxguard log --fleet`: the entries of all machines, and whether they are as those wrote them. */

import type { Bus } from "../../fleet/bus/bus.ts";
import { explained } from "../../fleet/bus/jetstream.ts";
import { verifySeal } from "../../fleet/log/seal.ts";
import { LogStream, type Message } from "../../fleet/log/stream.ts";
import { LogVerifier, type Named, type VerifiedLog } from "../../fleet/log/verified.ts";
import { keepYoungHeapSmall } from "../../platform/proc/small-heap.ts";
import { visible } from "../../policy/visible.ts";
import { readConfig } from "../../settings/config.ts";
import { isName } from "../../settings/fleet/schema.ts";
import { openPaths, type Paths } from "../../settings/paths.ts";
import { toStderr } from "../../to-stderr.ts";
import { CliError, exitCodes } from "../cli-error.ts";
import { noPerson, personBus } from "../fleet/person-bus.ts";
import { copyOf } from "./fields.ts";
import { filterOf } from "./filter.ts";
import { countOf, type LogOptions } from "./log.ts";
import { Printer } from "./print.ts";

export interface FleetLogOptions extends LogOptions {
  machine?: string;
}

/** Faults of one machine that are told one by one. */
const MOST_TOLD = 20;

/** @returns the exit code: 1 where something is not as it was written */
export async function fleetLog(options: FleetLogOptions): Promise<number> {
  const { machine, follow } = options;
  if (follow)
    throw new CliError("--fleet shows what is there; --follow is for this machine", exitCodes.usage);
  if (machine !== undefined && !isName(machine))
    throw new CliError(`no name of a machine: ${visible(machine)}`, exitCodes.usage);
  const filter = filterOf(options);
  const most = countOf(options.lines);
  keepYoungHeapSmall();
  const paths = openPaths();
  const { fleet } = await readConfig(paths);
  if (!fleet?.person) throw noPerson();
  const bus = await personBus(fleet, fleet.person);
  try {
    const shown = new Shown(new Printer(options), most);
    const machines = new Machines(fleet.signers, paths);
    for await (const message of await messagesOn(bus, machine)) {
      const line = machines.add(message)?.toString("latin1");
      if (line !== undefined && filter.takes(line)) await shown.add(message.machine, line);
    }
    await shown.end();
    return await machines.tell();
  } finally {
    await bus.close();
  }
}

async function messagesOn(bus: Bus, machine: string | undefined): Promise<AsyncGenerator<Message>> {
  const { connection } = bus;
  if (!connection) throw new CliError(`the bus: ${bus.fault}`, 1);
  const stream = await LogStream.open(connection).catch((error: unknown) => {
    throw new CliError(`the fleet's log: ${explained(error)}`, 1);
  });
  for (const limit of stream.limits) toStderr(limit);
  return stream.messages(machine);
}

/** What is printed: all that is added, or the last of it. */
class Shown {
  readonly #printer: Printer;
  readonly #most: number | undefined;
  #kept: [machine: string, line: string][] = [];

  constructor(printer: Printer, most: number | undefined) {
    this.#printer = printer;
    this.#most = most;
  }

  async add(machine: string, line: string): Promise<void> {
    if (this.#most === undefined) await this.#print(machine, line);
    else {
      this.#kept.push([machine, copyOf(line)]);
      if (this.#kept.length > 2 * this.#most) this.#kept = this.#last();
    }
  }

  async end(): Promise<void> {
    for (const [machine, line] of this.#last()) await this.#print(machine, line);
    await this.#printer.write();
  }

  #last(): [machine: string, line: string][] {
    return this.#most ? this.#kept.slice(-this.#most) : [];
  }

  async #print(machine: string, line: string): Promise<void> {
    if (this.#printer.add(line, machine)) await this.#printer.write();
  }
}

class Machines {
  readonly #signers: string;
  readonly #folder: string;
  readonly #all = new Map<string, LogVerifier>();

  constructor(signers: string, { runtime }: Paths) {
    this.#signers = signers;
    this.#folder = runtime;
  }

  /** @returns the line to show */
  add(message: Message): Buffer | undefined {
    const { machine } = message;
    if (!isName(machine)) return undefined; // nobody joins with such a name
    const known = this.#all.get(machine) ?? this.#make(machine);
    return known.add(message);
  }

  #make(machine: string): LogVerifier {
    const options = { signers: this.#signers, folder: this.#folder, environment: process.env };
    const made = new LogVerifier(async (seal) => {
      if (seal.said.machine !== machine) throw new Error("it is another machine's");
      await verifySeal(seal, machine, options);
    });
    this.#all.set(machine, made);
    return made;
  }

  /** @returns the exit code */
  async tell(): Promise<number> {
    let code = 0;
    for (const [machine, verifier] of this.#all) {
      const found = await verifier.result(Date.now());
      for (const line of describe(found)) toStderr(`${machine}: ${line}`);
      if (found.faults.length > 0 || found.noLine !== undefined || found.isOverdue) code = 1;
    }
    if (this.#all.size === 0) toStderr("the fleet's log has no entry");
    return code;
  }
}

function describe({ entries, before, faults, noLine, sealed, unsealed, isOverdue }: VerifiedLog): string[] {
  const isSealed = sealed === undefined ? "with no seal that counts" : `sealed at ${sealed}`;
  const behind = `${counted(unsealed)} behind the last seal`;
  return [
    ...faults.slice(0, MOST_TOLD).map(describeFault),
    ...(faults.length > MOST_TOLD ? [`and ${faults.length - MOST_TOLD} more`] : []),
    ...(before > 0 ? [`${counted(before)} of before are on the machine alone`] : []),
    ...(noLine !== undefined ? [`its seals do not count: ${noLine}`] : []),
    ...(isOverdue && noLine === undefined
      ? [
          `${behind}, which nothing vouches for: its guard has ended, a clock is wrong, or they are not its own`,
        ]
      : unsealed > 0 && sealed !== undefined
        ? [`${behind}: the next one comes within a minute`]
        : []),
    faults.length > 0
      ? "its log is not as it was written"
      : `${counted(entries)}, each as it follows from the one before, ${isSealed}`,
  ];
}

function describeFault({ at, id, what }: Named): string {
  return `message ${at}${id === undefined ? "" : `, entry ${visible(id, 40)}`}: ${visible(what, 300)}`;
}

function counted(entries: number): string {
  return entries === 1 ? "1 entry" : `${entries} entries`;
}
