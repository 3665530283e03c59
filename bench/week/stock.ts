/** Stock OpenSSH, which asks each time: it has no clock, and knows of no screen. */
import { join } from "node:path";
import type { Lab } from "../lab.ts";
import type { Hosts } from "../tedium-hosts.ts";
import { Shell } from "../tedium-shell.ts";
import { openStock } from "../tedium-worlds.ts";
import type { Place } from "./place.ts";

export async function openStockOffice(lab: Lab, hosts: Hosts): Promise<Place> {
  const world = await openStock(lab, hosts);
  const { folder, sshConfig } = world;
  const environment = {
    ...world.environment,
    GIT_CONFIG_GLOBAL: `${folder}/gitconfig`,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_SSH_COMMAND: `ssh -F ${sshConfig}`,
  };
  const terminal = new Shell(lab, folder, environment, "bash", true);
  let editor: Shell | undefined;
  const nothing = async (): Promise<void> => {};
  return {
    folder,
    sshConfig,
    run: (line) => terminal.run(line),
    succeed: (line) => terminal.succeed(line),
    runElsewhere: async () => 1,
    closeElsewhere: nothing,
    edit: (line) => {
      editor ??= new Shell(lab, folder, environment, join(folder, "editor"), true);
      return editor.run(line);
    },
    closeEditor: async () => editor?.close(),
    clockTo: nothing,
    leave: nothing,
    comeBack: nothing,
    sleep: nothing,
    expectHostile: () => {},
    share: () => world.shared(),
    unshared: nothing,
    announceLater: () => {},
    asked: () => world.asked(),
    missed: () => 0,
    log: () => [],
    close: () => terminal.close(),
  };
}
