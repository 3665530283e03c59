/** A real sshd on the loopback interface that lets one key in, as the user who runs it. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeKey } from "../agent.ts";
import { freePort } from "../network.ts";
import { type Start, until } from "../processes.ts";
import { SSHD } from "../programs.ts";

export interface Server {
  name: string;
  port: number;
  /** As in known_hosts: type and base64. */
  hostKey: string;
  hostKeyFile: string;
}

export interface SshdOptions {
  /** For its files, which begin with its name. */
  folder: string;
  name: string;
  /** An authorized_keys file. */
  authorizedKeys: string;
  /** More lines for sshd_config. */
  config?: readonly string[];
}

/** Another program may take a port that was free. */
const TRIES = 3;

/** What it logs is in NAME.sshd_log. */
export async function startSshd(start: Start, options: SshdOptions): Promise<Server> {
  const { folder, name } = options;
  const hostKeyFile = join(folder, `${name}.hostkey`);
  makeKey(hostKeyFile, name);
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  for (let tries = TRIES; ; tries--) {
    const port = await freePort();
    writeFileSync(join(folder, `${name}.sshd_config`), configOf(options, port, hostKeyFile));
    if (await listens(start, folder, name)) {
      const hostKey = readFileSync(`${hostKeyFile}.pub`, "utf8").split(" ").slice(0, 2).join(" ");
      return { name, port, hostKey, hostKeyFile };
    }
    if (tries === 1) throw new Error(`sshd of ${name} ended: ${logOf(folder, name)}`);
  }
}

function configOf({ authorizedKeys, config = [] }: SshdOptions, port: number, hostKeyFile: string): string {
  const lines = [
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${hostKeyFile}`,
    "PidFile none",
    `AuthorizedKeysFile ${authorizedKeys}`,
    "StrictModes no",
    "UsePAM no",
    "PasswordAuthentication no",
    "AllowAgentForwarding yes",
    "Subsystem sftp internal-sftp",
    ...config,
  ];
  return `${lines.join("\n")}\n`;
}

/** False if it ends instead. */
async function listens(start: Start, folder: string, name: string): Promise<boolean> {
  const args = ["-D", "-f", join(folder, `${name}.sshd_config`), "-E", join(folder, `${name}.sshd_log`)];
  const child = start(SSHD, args, { stdio: "ignore" });
  const isListening = (): boolean => logOf(folder, name).includes("Server listening");
  await until(() => isListening() || child.exitCode !== null, `sshd of ${name}`);
  return child.exitCode === null;
}

function logOf(folder: string, name: string): string {
  const log = join(folder, `${name}.sshd_log`);
  return existsSync(log) ? readFileSync(log, "utf8") : "";
}
