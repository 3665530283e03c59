/**
 * The folders in which ssh makes masters by itself, where config.toml names none: those of the ControlPaths in
 * the user's own ssh_config, and Ansible's.
 */
import { homedir } from "node:os";
import { join } from "node:path";
import { homeFolder } from "../identity/home.ts";
import { controlFolderOf } from "../identity/ssh-config/literal-path.ts";
import { readMentions } from "../identity/ssh-config/mentions.ts";

/** In which too much else comes and goes. Those that others may write to are refused anyway. */
const never = (): string[] => ["/", "/tmp", "/var/tmp", "/dev/shm", homedir(), homeFolder()];

/** @param sshConfig for `ssh -F`; undefined for the user's own files */
export function usualControlFolders(sshConfig: string | undefined, environment: NodeJS.ProcessEnv): string[] {
  const paths = readMentions(new Set(["controlpath"]), sshConfig).map(({ value }) => value);
  const folders = paths.flatMap((path) => controlFolderOf(path, environment) ?? []);
  const left = never();
  return [...new Set([...folders, ansibleFolder(environment)])].filter((folder) => !left.includes(folder));
}

/** `control_path_dir` of Ansible's ssh connection, as far as its environment says so. */
function ansibleFolder({
  ANSIBLE_SSH_CONTROL_PATH_DIR: folder,
  ANSIBLE_HOME: home,
}: NodeJS.ProcessEnv): string {
  return folder || join(home || join(homedir(), ".ansible"), "cp");
}
