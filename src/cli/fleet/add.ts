/** `muxguard fleet add`: more machines and persons for a fleet that `fleet init` made. */
import { join, resolve } from "node:path";
import { addressIn, namesIn, withUsers } from "../../fleet/setup/server-config.ts";
import { visible } from "../../policy/visible.ts";
import { changeFile, readBytes } from "../../setup/files/change.ts";
import { toStdout } from "../../to-stderr.ts";
import { makeFolders, membersOf, type Newcomers, natsServer, tellOfFolders, usage } from "./folders.ts";

/** @throws CliError for names that can't be or are taken, and a folder that is none of fleet init's */
export async function fleetAdd(folder: string, options: Newcomers): Promise<void> {
  const root = resolve(folder);
  const config = join(root, "nats-server.conf");
  const before = readBytes(config);
  const text = before?.toString("utf8") ?? "";
  const address = addressIn(text);
  if (address === undefined)
    throw usage(`${visible(folder)} has no nats-server.conf that muxguard fleet init wrote`);
  const members = membersOf(options, namesIn(text));
  if (members.machines.length + members.people.length === 0)
    throw usage("who? --machine NAME, or --person NAME=KEY.pub");
  const users = await makeFolders(root, members, address);
  changeFile(config, before, Buffer.from(withUsers(text, users)));
  toStdout(`the server:     ${natsServer()} --signal reload`);
  tellOfFolders(root, members);
  toStdout(
    `on all others:  fleet/allowed_signers, beside config.toml, becomes ${join(root, "allowed_signers")}`,
  );
}
