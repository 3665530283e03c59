/** An ssh_config and a known_hosts that are not the user's: what ssh and muxguard know of the hosts. */
import { execFileSync } from "node:child_process";
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Endpoint {
  port: number;
  /** As in known_hosts: type and base64. */
  hostKey: string;
}

/** How known_hosts knows a host: by name, by a hash of its name, or not at all. */
export type Known = "plain" | "hashed" | "no";

export class SshFiles {
  readonly config: string;
  readonly knownHosts: string;
  readonly #common: readonly string[];
  readonly #hosts: string[] = [];
  readonly #announced: Endpoint[] = [];

  /** @param common what holds for all hosts, unless the host's own lines say otherwise */
  constructor(folder: string, common: readonly string[] = []) {
    this.config = join(folder, "ssh_config");
    this.knownHosts = join(folder, "known_hosts");
    this.#common = [`UserKnownHostsFile "${this.knownHosts}"`, "GlobalKnownHostsFile /dev/null", ...common];
    writeFileSync(this.knownHosts, "");
    this.#write();
  }

  /** The first value for a host counts. ssh_config(5) */
  host(pattern: string, lines: readonly string[]): void {
    this.#hosts.push(section(pattern, lines));
    this.#write();
  }

  /** A host that is a port of the loopback interface. */
  announce(name: string, { port, hostKey }: Endpoint, known: Known = "plain"): void {
    const unknown = ["StrictHostKeyChecking no", "UserKnownHostsFile /dev/null"];
    const lines = ["HostName 127.0.0.1", `HostKeyAlias ${name}`, `Port ${port}`];
    this.host(name, [...lines, ...(known === "no" ? unknown : [])]);
    this.#announced.push({ port, hostKey });
    if (known !== "no") this.know(name, hostKey, known === "hashed");
  }

  know(name: string, hostKey: string, hashed = false): void {
    const line = `${this.knownHosts}.${name}`;
    writeFileSync(line, `${name} ${hostKey}\n`);
    if (hashed) execFileSync("ssh-keygen", ["-q", "-H", "-f", line], { stdio: "ignore" });
    appendFileSync(this.knownHosts, readFileSync(line));
    for (const file of [line, `${line}.old`]) rmSync(file, { force: true });
  }

  /** From now on known_hosts has those so far under their common address, too, each with its port. */
  knowAddresses(): void {
    for (const { port, hostKey } of this.#announced) this.know(`[127.0.0.1]:${port}`, hostKey);
  }

  #write(): void {
    writeFileSync(this.config, [...this.#hosts, section("*", this.#common)].join(""));
  }
}

function section(pattern: string, lines: readonly string[]): string {
  return `Host ${pattern}\n${lines.map((line) => `  ${line}\n`).join("")}`;
}
