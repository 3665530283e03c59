/** A server that is called as the one in the README's policies, with a repository and a clone of it. */
import { userInfo } from "node:os";
import type { MuxLab } from "../../../lab/mux-lab.ts";
import { blockWith } from "../../docs/documents.ts";

export const HOST = "github.com";

/** As it is printed, for the one user that a server of the laboratory has. */
export const asPrinted = (words: string): string =>
  blockWith(words).replaceAll(/^user( +)= "git"/gm, `user$1= "${userInfo().username}"`);

/** A server that is called github.com, with a repository that has one commit, and a clone of it. */
export async function openWithRepository(lab: MuxLab): Promise<void> {
  await lab.open();
  lab.host(HOST, [`ControlPath ${lab.sockets}/%n`, "ControlMaster no"]);
  await lab.startServer(HOST, lab.path("me@laptop"));
  lab.environment.GIT_CONFIG_GLOBAL = lab.path("gitconfig");
  lab.environment.GIT_CONFIG_NOSYSTEM = "1";
  lab.environment.GIT_SSH_COMMAND = `ssh -F ${lab.sshConfig}`;
  lab.write("gitconfig", "[user]\nname = Me\nemail = me@example\n");
  const { code, stderr } = await lab.shell(`
    git init -q --bare -b main store.git; git init -q -b main work; cd work
    git commit -q --allow-empty -m first; git push -q ${lab.path("store.git")} main
    git remote add origin ${HOST}:${lab.path("store.git")}`);
  if (code !== 0) throw new Error(stderr);
}

export const fetch = "git -C work fetch origin";
export const push = "git -C work push origin main:other";
