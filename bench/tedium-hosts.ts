/** The hosts of the day: an sshd with a host key of its own for each, all on the loopback interface. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Lab } from "./lab.ts";
import { type Server, startServer } from "./server.ts";

/** Of the two projects: where they are fetched from and pushed to. */
export const FORGES = ["forge1", "forge2"] as const;
/** Where people work, each over a connection that stays open. */
export const BASTION = "bastion";
export const WORKPLACES = ["web1", "web2", "db1", "build", BASTION] as const;
/** Where the same command is run on all at once. */
export const FLEET: readonly string[] = Array.from({ length: 20 }, (_, n) => `box${n + 1}`);
/** In nobody's known_hosts. */
export const STRANGER = "stranger";

export class Hosts {
  readonly #servers: ReadonlyMap<string, Server>;

  private constructor(servers: ReadonlyMap<string, Server>) {
    this.#servers = servers;
  }

  static async start(lab: Lab): Promise<Hosts> {
    const folder = join(lab.folder, "hosts");
    mkdirSync(folder, { mode: 0o700 });
    const servers = new Map<string, Server>();
    for (const name of [...FORGES, ...WORKPLACES, ...FLEET, STRANGER])
      servers.set(name, await startServer(lab, folder, name));
    return new Hosts(servers);
  }

  /** Lines of known_hosts. */
  known(): string {
    const known = [...this.#servers].filter(([name]) => name !== STRANGER);
    return known.map(([name, { hostKey }]) => `${name} ${hostKey}\n`).join("");
  }

  /** Lines of ssh_config. @param sockets the folder of the control sockets */
  config(sockets: string, controlMaster: "auto" | "autoask"): string {
    const hosts = [...this.#servers].map(
      ([name, { port }]) => `Host ${name}\nHostName 127.0.0.1\nPort ${port}\nHostKeyAlias ${name}\n`,
    );
    const sharing = `ControlMaster ${controlMaster}\nControlPath ${sockets}/%n\n`;
    return `${hosts.join("")}Host ${FORGES.join(" ")}\nControlPath none\nHost *\n${sharing}BatchMode yes\n`;
  }
}
