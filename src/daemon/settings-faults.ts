/** Settings of config.toml that can't take effect here: told at the start, and in `muxguard status`. */
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Approver } from "../approver/approver.ts";
import { attempt } from "../attempt.ts";
import { messageOf } from "../errors.ts";
import { checkControlFolder } from "../platform/sockets/control-socket.ts";
import type { Config } from "../settings/config.ts";

type Checked = Pick<
  Config,
  "approvers" | "areApproversNamed" | "askpass" | "command" | "controlFolders" | "sshConfig"
>;

/** A line for each, as they are now. */
export function settingsFaults(config: Checked, approvers: readonly Approver[], path = ""): string[] {
  const { sshConfig, controlFolders, askpass, command } = config;
  return [
    ...(sshConfig !== undefined && !isFile(sshConfig) ? [`ssh_config: there is no file ${sshConfig}`] : []),
    ...(controlFolders ?? []).flatMap(folderFault),
    ...programFault("askpass", askpass, path),
    ...(config.approvers.includes("command") ? programFault("command", command[0], path) : []),
    ...approverFaults(config, approvers),
  ].map((fault) => `config.toml: ${fault}`);
}

/** Those that the user named; the usual ones are those that happen to be there. */
function approverFaults(
  { approvers: named, areApproversNamed }: Checked,
  all: readonly Approver[],
): string[] {
  if (!areApproversNamed) return [];
  return all
    .filter(({ kind }) => named.includes(kind))
    .flatMap((approver) => {
      const reason = approver.unavailable();
      return reason === undefined ? [] : [`approvers: ${approver.kind} reaches nobody: ${reason}`];
    });
}

function folderFault(folder: string): string[] {
  try {
    checkControlFolder(folder);
    return [];
  } catch (error) {
    return [`control_dirs: ${messageOf(error)}`];
  }
}

function programFault(setting: string, program: string | undefined, path: string): string[] {
  if (program === undefined) return [];
  const places = program.includes("/")
    ? [program]
    : path.split(delimiter).map((folder) => join(folder, program));
  return places.some(isProgram) ? [] : [`${setting}: there is no program ${program}`];
}

function isProgram(file: string): boolean {
  return isFile(file) && attempt(() => accessSync(file, constants.X_OK) ?? true) === true;
}

function isFile(path: string): boolean {
  return attempt(() => statSync(path).isFile()) ?? false;
}
