/** A real sshd on the loopback interface that lets the agent's key in, as whoever runs the bench. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "./far.ts";
import type { Lab } from "./lab.ts";
import { ready } from "./processes.ts";

export interface Server {
  port: number;
  /** For known_hosts: type and base64. */
  hostKey: string;
}

/** @param folder its files, and the home of who logs in */
export async function startServer(lab: Lab, folder: string, name: string): Promise<Server> {
  const file = (kind: string): string => join(folder, `${name}.${kind}`);
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file("host_key")]);
  writeFileSync(file("authorized_keys"), `ssh-ed25519 ${lab.key.toString("base64")}\n`);
  const port = await freePort();
  const config = [
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${file("host_key")}`,
    `AuthorizedKeysFile ${file("authorized_keys")}`,
    "PidFile none",
    "StrictModes no",
    "UsePAM no",
    "MaxSessions 2000",
    "Subsystem sftp internal-sftp",
    `SetEnv HOME=${folder}`, // the user's own start-up files are no part of this
  ];
  writeFileSync(file("sshd_config"), `${config.join("\n")}\n`);
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true });
  const args = ["-D", "-e", "-f", file("sshd_config")];
  await ready(lab.spawn("/usr/sbin/sshd", args, { stdio: ["ignore", "ignore", "pipe"] }));
  return { port, hostKey: readFileSync(`${file("host_key")}.pub`, "utf8").trim() };
}
