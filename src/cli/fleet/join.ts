/** `muxguard fleet join`: takes up what `fleet init` wrote for this machine, and for its person. */
import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import { attempt } from "../../attempt.ts";
import { visible } from "../../policy/visible.ts";
import { openPaths } from "../../settings/paths.ts";
import { readSettings } from "../../settings/settings.ts";
import { changeFile, fileAt, readBytes } from "../../setup/files/change.ts";
import { toStdout } from "../../to-stderr.ts";
import { CliError, exitCodes } from "../cli-error.ts";

/** Its fields for config.toml. The other files of a folder are copied. */
const FIELDS = "fleet.toml";

/** @throws CliError where config.toml has a [fleet] already, or no folder is fleet init's of a machine */
export async function fleetJoin(folders: readonly string[]): Promise<void> {
  const { config, fleetLog } = openPaths();
  const path = join(config, "config.toml");
  const settings = await readSettings(path, "config");
  if (settings?.fleet)
    throw new CliError(
      `${visible(path)} has a [fleet] already; first: muxguard fleet leave`,
      exitCodes.usage,
    );
  const fields = folders.map((folder) => {
    const text = attempt(() => readFileSync(join(folder, FIELDS), "utf8"));
    if (text === undefined)
      throw new CliError(`${visible(folder)}: no folder that muxguard fleet init wrote`, exitCodes.usage);
    return text;
  });
  const [machines, persons] = [/^servers *=/m, /^person *=/m].map(
    (field) => fields.filter((text) => field.test(text)).length,
  );
  if (machines !== undefined && machines > 1)
    throw new CliError("these are folders of several machines; this one is one of them", exitCodes.usage);
  if (persons !== undefined && persons > 1)
    throw new CliError("these are folders of several persons; one of them answers here", exitCodes.usage);
  if (machines === 0)
    throw new CliError(
      "the folder of the machine is missing; a person joins in one command with the machine: " +
        `muxguard fleet join machine-NAME ${visible(folders.join(" "))}`,
      exitCodes.usage,
    );
  const own = join(config, "fleet");
  if (existsSync(own))
    throw new CliError(`${visible(own)} is there already; remove it first`, exitCodes.usage);
  mkdirSync(own, { recursive: true, mode: 0o700 });
  for (const folder of folders)
    for (const name of readdirSync(folder).filter((one) => one !== FIELDS)) {
      copyFileSync(join(folder, name), join(own, name), constants.COPYFILE_EXCL);
      chmodSync(join(own, name), 0o600);
    }
  rmSync(fleetLog, { force: true }); // of a fleet before: what was logged before this one stays here
  const file = fileAt(path);
  const before = readBytes(file);
  const text = before?.toString("utf8") ?? "";
  const gap = text === "" ? "" : text.endsWith("\n") ? "\n" : "\n\n";
  changeFile(file, before, Buffer.from(`${text}${gap}[fleet]\n${fields.join("")}`));
  const next = "muxguard daemon restart; or, where none runs, muxguard daemon";
  toStdout(`${visible(path)} has a [fleet] now; it counts after: ${next}`);
}
