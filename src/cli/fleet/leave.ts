/** `muxguard fleet leave`: undoes what `fleet join` did on this machine. What is at the server stays there. */
import { existsSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { visible } from "../../policy/visible.ts";
import { openPaths } from "../../settings/paths.ts";
import { checkSettings } from "../../settings/toml-file.ts";
import { changeFile, fileAt, readBytes } from "../../setup/files/change.ts";
import { toStdout } from "../../to-stderr.ts";
import { CliError } from "../cli-error.ts";
import { withoutFleet } from "./table.ts";

/** What fleet init writes for a machine and a person. */
const FILES = [
  ...["machine.nk", "machine_key", "machine_key.pub", "ca.pem", "allowed_signers"],
  ...["person.nk", "person.pub"],
];

/** @throws CliError where there is no [fleet], or it can't be taken out */
export function fleetLeave(): void {
  const { config, fleetPolicy, fleetLog } = openPaths();
  const path = join(config, "config.toml");
  const file = fileAt(path);
  const before = readBytes(file);
  const text = before?.toString("utf8") ?? "";
  const { fleet, ...others } = checkSettings(path, "config", text);
  if (!fleet) throw new CliError(`${visible(path)} has no [fleet]`, 1);
  const after = withoutFleet(text);
  if (!isDeepStrictEqual(checkSettings(path, "config", after), others))
    throw new CliError(`${visible(path)}: [fleet] can't be taken out; remove it with an editor`, 1);
  changeFile(file, before, Buffer.from(after));
  const own = join(config, "fleet");
  for (const gone of [...FILES.map((name) => join(own, name)), fleetPolicy, fleetLog])
    rmSync(gone, { force: true });
  const left = existsSync(own) ? readdirSync(own) : undefined;
  if (left?.length === 0) rmdirSync(own);
  else if (left) toStdout(`${visible(own)} stays, as it has ${left.map((name) => visible(name)).join(", ")}`);
  const next = "muxguard daemon restart, where one runs";
  toStdout(
    `${visible(path)} has no [fleet] any more, and this machine's keys to it are gone; it counts after: ${next}`,
  );
  toStdout("the server still knows this machine: take its user out of nats-server.conf, and reload it");
}
