/** `muxguard fleet join`: takes up what `fleet init` wrote for this machine, and for its person. */
import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { attempt } from "../../attempt.ts";
import { readRegularFile } from "../../platform/files/regular-file.ts";
import { visible } from "../../policy/visible.ts";
import { openPaths } from "../../settings/paths.ts";
import { checkSettings } from "../../settings/toml-file.ts";
import { changeFile, fileAt, readBytes } from "../../setup/files/change.ts";
import { toStdout } from "../../to-stderr.ts";
import { usage } from "./folders.ts";
import { withFields } from "./table.ts";

/** Its fields for config.toml. The other files of a folder are copied. */
const FIELDS = "fleet.toml";

interface Folder {
  path: string;
  fields: string;
  of: "machine" | "person";
  /** Names of its other files. */
  files: string[];
}

/** @throws CliError where it would take up what does not go together; nothing is changed then */
export function fleetJoin(paths: readonly string[]): void {
  const { config, fleetLog } = openPaths();
  const path = join(config, "config.toml");
  const folders = paths.map(folderAt);
  const count = (of: Folder["of"]): number => folders.filter((folder) => folder.of === of).length;
  if (count("machine") > 1) throw usage("these are folders of several machines; this one is one of them");
  if (count("person") > 1) throw usage("these are folders of several persons; one of them answers here");
  const isLater = count("machine") === 0;
  const file = fileAt(path);
  const before = readBytes(file);
  const text = before?.toString("utf8") ?? "";
  checkPlace(checkSettings(path, "config", text).fleet, folders, path, isLater);
  const own = join(config, "fleet");
  const copies = folders.flatMap((folder) =>
    folder.files.map((name) => [join(folder.path, name), join(own, name)] as const),
  );
  const there = isLater ? copies.map(([, to]) => to).find((to) => existsSync(to)) : existsSync(own) && own;
  if (there) throw usage(`${visible(there)} is there already; remove it first`);
  const fields = folders.map((folder) => folder.fields).join("");
  const after = isLater ? withFields(text, fields) : `${text}${gapAfter(text)}[fleet]\n${fields}`;
  checkFields(path, text, after, isLater);
  if (!isLater) {
    mkdirSync(own, { recursive: true, mode: 0o700 });
    rmSync(fleetLog, { force: true }); // of a fleet before: what was logged before this one stays here
  }
  for (const [from, to] of copies) {
    copyFileSync(from, to, constants.COPYFILE_EXCL);
    chmodSync(to, 0o600);
  }
  changeFile(file, before, Buffer.from(after));
  const next = "muxguard daemon restart; or, where none runs, muxguard daemon";
  toStdout(`${visible(path)} has ${isLater ? "a person in its" : "a"} [fleet] now; it counts after: ${next}`);
}

/** @throws CliError for what is none of fleet init's */
function folderAt(path: string): Folder {
  const fields = attempt(() => readRegularFile(join(path, FIELDS), "followed"));
  if (fields === undefined) throw usage(`${visible(path)}: no folder that muxguard fleet init wrote`);
  const isFile = (name: string): boolean => lstatSync(join(path, name)).isFile();
  const files = readdirSync(path).filter((name) => name !== FIELDS && isFile(name));
  return { path, fields, of: /^servers *=/m.test(fields) ? "machine" : "person", files };
}

/** Whether a [fleet] is there where one has to be, and none where not. @throws CliError */
function checkPlace(
  fleet: { person?: string | undefined } | undefined,
  folders: readonly Folder[],
  path: string,
  isLater: boolean,
): void {
  const names = visible(folders.map((folder) => folder.path).join(" "));
  if (!fleet && isLater)
    throw usage(
      `the folder of the machine is missing; a person joins with it, or later: ` +
        `muxguard fleet join machine-NAME ${names}`,
    );
  if (fleet && (!isLater || fleet.person !== undefined))
    throw usage(
      `${visible(path)} has a [fleet] already${isLater ? " with a person" : ""}; first: muxguard fleet leave`,
    );
}

/** Whether it is a [fleet] that comes in, and nothing else. @throws CliError */
function checkFields(path: string, before: string, after: string, isLater: boolean): void {
  const { fleet: _, ...own } = checkSettings(path, "config", before);
  const { fleet, ...others } = checkSettings(path, "config", after);
  if (!isDeepStrictEqual(own, others)) throw usage(`${FIELDS} has more than a [fleet] is: it was changed`);
  if (isLater && fleet?.person === undefined)
    throw usage(`${visible(path)} has no line [fleet]: put the lines of ${FIELDS} there with an editor`);
}

function gapAfter(text: string): string {
  if (text === "") return "";
  return text.endsWith("\n") ? "\n" : "\n\n";
}
