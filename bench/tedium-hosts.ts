/** The hosts of the day: an sshd with a host key of its own for each, all on the loopback interface. */
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import type { Server } from "../lab/servers/sshd.ts";
import type { SshFiles } from "../lab/ssh-files.ts";
import type { Lab } from "./lab.ts";

/** Of the two projects: where they are fetched from and pushed to. */
export const FORGES = ["forge1", "forge2"] as const;
/** Where people work, each over a connection that stays open. */
export const BASTION = "bastion";
export const WORKPLACES = ["web1", "web2", "db1", "build", BASTION] as const;
/** Where the same command is run on all at once. */
export const FLEET: readonly string[] = Array.from({ length: 20 }, (_, n) => `box${n + 1}`);
/** One that comes later in the week. */
export const NEWCOMER = "web3";
/** In nobody's known_hosts. */
export const STRANGER = "stranger";

export class Hosts {
  readonly #servers: ReadonlyMap<string, Server>;
  readonly #later: readonly string[];

  private constructor(servers: ReadonlyMap<string, Server>, later: readonly string[]) {
    this.#servers = servers;
    this.#later = later;
  }

  /** @param later those that announceIn() does not make known */
  static async start(lab: Lab, later: readonly string[] = []): Promise<Hosts> {
    const folder = mkdtempSync(join(lab.folder, "hosts-")); // the day has some, and the week
    const servers = new Map<string, Server>();
    for (const name of [...FORGES, ...WORKPLACES, ...FLEET, STRANGER, ...later])
      servers.set(name, await lab.startServer(folder, name));
    return new Hosts(servers, later);
  }

  portOf(name: string): number | undefined {
    return this.#servers.get(name)?.port;
  }

  announceLater(files: SshFiles): void {
    for (const name of this.#later) this.#announce(files, name);
  }

  /** Makes them known. @param sockets the folder of the control sockets */
  announceIn(files: SshFiles, sockets: string, controlMaster: "auto" | "autoask"): void {
    for (const name of this.#servers.keys()) if (!this.#later.includes(name)) this.#announce(files, name);
    files.host(FORGES.join(" "), ["ControlPath none"]);
    files.host("*", [`ControlMaster ${controlMaster}`, `ControlPath ${sockets}/%n`, "BatchMode yes"]);
  }

  #announce(files: SshFiles, name: string): void {
    const server = this.#servers.get(name);
    if (server) files.announce(name, server, name === STRANGER ? "no" : "plain");
  }
}
