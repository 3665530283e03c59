/** Where masters are looked for if nobody says where. */
import { writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { usualControlFolders } from "../../src/masters/control-folders.ts";
import { makeFolder } from "../support/agents.ts";

const ansible = join(homedir(), ".ansible/cp");

function folders(path: string, environment: NodeJS.ProcessEnv = {}): string[] {
  const file = join(makeFolder(), "ssh_config");
  writeFileSync(file, `Host a\n ControlPath ${path}\n`);
  return usualControlFolders(file, environment);
}

it.each([
  ["/a/sockets/%r@%h:%p", "/a/sockets"],
  ["/a/cm-%C", "/a"],
  ["/a/%h/socket", "/a"],
  ["$" + "{OWN}/cm/%C", "/own/cm"],
  ['"/a b/%C"', "/a b"],
])("the folder before the first token: %s", (path, folder) => {
  expect(folders(path, { OWN: "/own" })).toEqual([folder, ansible]);
});

it.each(["none", "/tmp/%r@%h:%p", "/%h", "cm/%C", "%h/x"])("none for %s", (path) => {
  expect(folders(path)).toEqual([ansible]);
});

it("Ansible's is where its environment says", () => {
  expect(folders("none", { ANSIBLE_HOME: "/ansible" })).toEqual(["/ansible/cp"]);
  expect(folders("none", { ANSIBLE_SSH_CONTROL_PATH_DIR: "/ssh" })).toEqual(["/ssh"]);
});
