/** A repository, and settings of git with which it signs by a key of the agent. */
import { readFileSync, writeFileSync } from "node:fs";
import type { OpenLab } from "../../../lab/open-lab.ts";

/** What a line of sh begins with, in the laboratory's folder. */
export const GIT = `export GIT_CONFIG_GLOBAL=$PWD/gitconfig GIT_CONFIG_NOSYSTEM=1
git() { command git -c init.defaultBranch=main "$@"; }
`;

/** Once the laboratory is open. */
export async function prepareSigning(lab: OpenLab): Promise<void> {
  const key = lab.path("me@laptop.pub");
  const signers = lab.path("allowed_signers");
  writeFileSync(signers, `me@example ${readFileSync(key, "utf8")}`);
  const user = `[user]\nname = Me\nemail = me@example\nsigningkey = ${key}\n`;
  const ssh = `[gpg]\nformat = ssh\n[gpg "ssh"]\nallowedSignersFile = ${signers}\n`;
  writeFileSync(lab.path("gitconfig"), user + ssh);
  const { code, stderr } = await lab.shell(`${GIT} git init -q app`);
  if (code !== 0) throw new Error(stderr);
}
