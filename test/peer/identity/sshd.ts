/** A real sshd for one connection, behind ssh's ProxyCommand: no port, no daemon, any ordinary user. */
import { execFile } from "node:child_process";
import { chmodSync, chownSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HostKey } from "./keys.ts";

const SSHD = "/usr/sbin/sshd";
const NOBODY = 65534;
const isRoot = process.getuid?.() === 0;
/** As root, sshd wants a folder for its chroot, which is not always there. */
const user = isRoot ? { uid: NOBODY, gid: NOBODY } : {};

export const hasSshd = existsSync(SSHD);

/** Lets the user that sshd runs as read what it must. */
export function shareWithSshd(folder: string, ...keys: HostKey[]): void {
  if (!isRoot) return;
  chmodSync(folder, 0o755);
  for (const { path } of keys) chownSync(path, NOBODY, NOBODY);
}

export interface Connection {
  host: string;
  port?: number;
  /** Lines of sshd_config. */
  server: string[];
  knownHosts: string[];
  /** ssh options, as for `-o`. */
  options: string[];
  environment?: Record<string, string>;
}

let connections = 0;

/** Runs ssh against sshd and gives what ssh prints on its standard error. */
export function runSsh(folder: string, connection: Connection): Promise<string> {
  const { host, port = 22, server, knownHosts, options, environment } = connection;
  const config = join(folder, `sshd-config-${++connections}`);
  const knownHostsFile = join(folder, `sshd-known-hosts-${connections}`);
  // without PAM, sshd has no login for an account that has no password
  writeFileSync(config, `${["StrictModes no", "UsePAM yes", ...server].join("\n")}\n`);
  writeFileSync(knownHostsFile, `${knownHosts.join("\n")}\n`);
  const all = [
    `UserKnownHostsFile=${knownHostsFile}`,
    "GlobalKnownHostsFile=none",
    "StrictHostKeyChecking=yes",
    "BatchMode=yes",
    `ProxyCommand=${SSHD} -i -f ${config}`,
    ...options,
  ].flatMap((option) => ["-o", option]);
  const args = ["-F", "none", ...all, "-p", `${port}`, "--", host, "true"];
  const env = { PATH: process.env.PATH, ...environment };
  return new Promise((resolve) => {
    execFile("ssh", args, { ...user, env }, (_error, _output, errors) => resolve(errors));
  });
}
