/**
 * A home for one guard: its folders by XDG, its settings, its log, and the ssh_config and known_hosts that it
 * reads. Nothing in it leads to the user's own.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AuditEvent } from "../src/audit/event.ts";
import { SshFiles } from "./ssh-files.ts";

/** The ways to the user's own agent, desktop and terminals. */
const USERS_OWN = [
  "SSH_AUTH_SOCK",
  "SSH_AGENT_PID",
  "SSH_ASKPASS",
  "DISPLAY",
  "WAYLAND_DISPLAY",
  "TMUX",
  "DBUS_SESSION_BUS_ADDRESS",
];

export class Home {
  readonly folder: string;
  readonly hosts: SshFiles;
  /** For what is run in it. */
  readonly environment: NodeJS.ProcessEnv;

  /** @param common of ssh_config: what holds for all hosts */
  constructor(folder: string, common: readonly string[] = []) {
    this.folder = folder;
    for (const name of ["config/muxguard", "state", "runtime"])
      mkdirSync(this.path(name), { recursive: true, mode: 0o700 });
    this.hosts = new SshFiles(folder, common);
    this.environment = {
      ...process.env,
      XDG_CONFIG_HOME: this.path("config"),
      XDG_STATE_HOME: this.path("state"),
      XDG_RUNTIME_DIR: this.path("runtime"),
      TMUX_TMPDIR: folder,
      DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${this.path("no-system-bus")}`,
    };
    for (const name of USERS_OWN) delete this.environment[name];
    this.config("");
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Sets config.toml; `ssh_config` is this home's. */
  config(text: string): void {
    this.write("config/muxguard/config.toml", `ssh_config = ${JSON.stringify(this.hosts.config)}\n${text}`);
  }

  /** Sets policy.toml. */
  policy(text: string): void {
    this.write("config/muxguard/policy.toml", text);
  }

  /** For the owner alone, whatever the umask is: settings that others may write to are refused. */
  write(name: string, text: string): void {
    writeFileSync(this.path(name), text, { mode: 0o600 });
  }

  get agentSocket(): string {
    return this.path("runtime/muxguard/agent.sock");
  }

  get daemonSocket(): string {
    return this.path("runtime/muxguard/daemon.sock");
  }

  get logFile(): string {
    return this.path("state/muxguard/log.jsonl");
  }

  /** What the log holds. */
  log(): AuditEvent[] {
    if (!existsSync(this.logFile)) return [];
    const lines = readFileSync(this.logFile, "utf8").split("\n");
    return lines.filter((line) => line !== "").map((line) => JSON.parse(line));
  }
}
