/** The words and options of `muxguard log`. What it does is loaded when it is used. */
import type { Command } from "commander";
import { CliError, exitCodes } from "../cli-error.ts";
import type { FleetLogOptions } from "./fleet.ts";
import type { WholeOptions } from "./whole.ts";

type Options = FleetLogOptions & WholeOptions & { stats?: boolean; report?: string; fleet?: boolean };

export function logCommand(command: Command): Command {
  command
    .description("what was asked for, and what was decided; with the beginning of an id, all of that entry")
    .enablePositionalOptions()
    .argument("[id]")
    .option("-f, --follow", "go on with what comes")
    .option("-n, --lines <count>", "the last ones alone")
    .option("--host <pattern>", 'of this host alone; as ssh_config has it: "*.prod"')
    .option("--program <pattern>", "that this program asked for, or one that it started")
    .option("--decision <decision>", '"allow" or "deny"')
    .option("--scope <name>", 'of this run alone; "" for what is outside of any')
    .option("--person <pattern>", "that this person answered, with a signature: of a fleet")
    .option("--since <when>", 'a time ("2026-11-22T10:00") or how long ago ("2h")')
    .option("--json", "one JSON object a line, as it is in the file")
    .option("--fleet", "of all machines of the fleet, and whether they are as those wrote them")
    .option("--machine <name>", "with --fleet: of this machine alone")
    .option("--stats", "questions a day, what answered them, and how long that took")
    .option("--report <file>", "write a page of HTML that shows it, for a browser")
    .action(async (id: string | undefined, options: Options) => {
      const isHere = id !== undefined || options.stats || options.report !== undefined;
      if (options.fleet ? isHere : options.machine !== undefined)
        throw new CliError("--machine comes with --fleet, which goes with no id or report", exitCodes.usage);
      if (options.fleet) process.exitCode = await (await import("./fleet.ts")).fleetLog(options);
      else if (options.stats) await (await import("./stats.ts")).stats(options);
      else if (options.report !== undefined)
        await (await import("./report.ts")).writeReport(options.report, options);
      else if (id === undefined) await (await import("./log.ts")).log(options);
      else await (await import("./whole.ts")).showWhole(id, options);
    });
  command
    .command("verify")
    .description("whether the log is as it was written: each entry has the hash of the one before it")
    .argument("[files...]", "in the order in which they were written; default: the log as it is")
    .option("--json", "one JSON object")
    .action(async (files: string[], options: { json?: boolean }) => {
      process.exitCode = (await import("./verify.ts")).logVerify(files, options);
    });
  return command;
}
