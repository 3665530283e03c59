/** `muxguard fleet leave`: undoes what `fleet join` did on this machine. What is at the server stays there. */
import { existsSync, lstatSync, readdirSync, rmdirSync, unlinkSync } from "node:fs";
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

/** @throws CliError where there is no [fleet], or it can't be taken out: nothing is changed then */
export function fleetLeave(): void {
  const { config, fleetPolicy, fleetLog } = openPaths();
  const path = join(config, "config.toml");
  const own = join(config, "fleet");
  const file = fileAt(path);
  const before = readBytes(file);
  const text = before?.toString("utf8") ?? "";
  const { fleet, ...others } = checkSettings(path, "config", text);
  const kept = [fleetPolicy, fleetLog].filter((one) => existsSync(one));
  if (!fleet && kept.length === 0) throw new CliError(`${visible(path)} has no [fleet]`, 1);
  const after = fleet ? withoutFleet(text) : text;
  const isText = before?.equals(Buffer.from(text)) ?? true;
  if (!isText || !isDeepStrictEqual(checkSettings(path, "config", after), others))
    throw new CliError(
      `${visible(path)}: [fleet] can't be taken out; remove it with an editor, then again`,
      1,
    );
  const isFolder = lstatSync(own, { throwIfNoEntry: false })?.isDirectory() ?? false;
  // first: if one can't be removed, the same can be said again
  for (const one of [...(isFolder ? FILES.map((name) => join(own, name)) : []), ...kept])
    if (lstatSync(one, { throwIfNoEntry: false })?.isDirectory() === false) unlinkSync(one);
  if (fleet) changeFile(file, before, Buffer.from(after));
  const left = isFolder ? readdirSync(own) : [];
  if (isFolder && left.length === 0) rmdirSync(own);
  if (left.length > 0)
    toStdout(`${visible(own)} stays, as it has ${left.map((name) => visible(name)).join(", ")}`);
  const next = "muxguard daemon restart, where one runs";
  toStdout(
    `${visible(path)} has no [fleet] any more, and this machine's keys to it are gone; it counts after: ${next}`,
  );
  toStdout("the server still knows this machine: take its user out of nats-server.conf, and reload it");
}
