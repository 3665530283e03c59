/**
 * A laboratory with a home: ~/.ssh with a key, a login agent in /tmp, start-up files, settings. A confined run is
 * to keep an attacker from all of it.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { HOST, MuxLab } from "../../lab/mux-lab.ts";
import { attempt } from "../../src/attempt.ts";

export const DENY = 'default = "deny"\n[[rule]]\nhost = "prod.example"\non = ["sign"]\naction = "allow"\n';

const startUp = [".bashrc", ".profile", ".bash_profile", ".zshrc", ".gitconfig", ".tmux.conf", ".vimrc"];

export class ConfineLab extends MuxLab {
  readonly home = this.path("home");
  /** As ssh-agent makes it for itself. */
  readonly agentFolder = mkdtempSync("/tmp/ssh-");
  readonly agent = join(this.agentFolder, "agent.1");

  constructor() {
    super();
    for (const name of ["home/.ssh", "home/.local/bin", "config/autostart", "config/systemd/user", "work"])
      mkdirSync(this.path(name), { recursive: true, mode: 0o700 });
    for (const name of startUp) writeFileSync(join(this.home, name), "# the user's\n");
    for (const name of ["config", "known_hosts"])
      writeFileSync(join(this.home, ".ssh", name), "# the user's\n");
    this.environment.HOME = this.home;
    this.policy(DENY);
  }

  /** The user's own agent, with a key that is a file as well. */
  async withAgent(): Promise<string> {
    const key = this.key("home/.ssh/id_ed25519");
    copyFileSync(`${key}.pub`, join(this.home, ".ssh/authorized_keys"));
    await this.startAgent(relative(this.folder, this.agent), key);
    return key;
  }

  /** Another agent with the key. */
  async agentAt(path: string, key: string): Promise<string> {
    const { SSH_AUTH_SOCK: own } = this.environment;
    await this.startAgent(relative(this.folder, path), key);
    this.environment.SSH_AUTH_SOCK = own;
    return path;
  }

  /** With a server, the daemon, and a master that it guards. */
  override async open(): Promise<void> {
    const key = await this.withAgent();
    const config = [`SetEnv HOME=${this.folder}`, "MaxSessions 100"];
    await this.startServer(HOST, key, { config });
    this.daemon = await this.startDaemon();
    this.environment.SSH_AUTH_SOCK = this.agentSocket;
    await this.startMaster();
    this.environment.SSH_AUTH_SOCK = this.agent;
  }

  /** What any attacker knows. */
  facts(): object {
    const publicKey = attempt(() => readFileSync(join(this.home, ".ssh/id_ed25519.pub"), "utf8"));
    const { home, folder, agent, sshConfig } = this;
    return {
      ...{ home, folder, agent, sshConfig, host: HOST },
      config: this.path("config"),
      runtime: this.path("runtime"),
      key: Buffer.from(publicKey?.split(" ")[1] ?? "", "base64").toString("hex"),
    };
  }

  override async close(): Promise<void> {
    await super.close();
    rmSync(this.agentFolder, { recursive: true, force: true });
  }
}
