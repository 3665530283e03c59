/** A tmux as a user has it: a server with sessions, and clients attached to it on terminals of their own. */
import { execFileSync } from "node:child_process";
import type { Lab } from "../lab.ts";
import { until } from "../processes.ts";
import { Terminal } from "./terminal.ts";

export class TmuxServer {
  static #count = 0;
  readonly #lab: Lab;
  readonly #name = `user-${TmuxServer.#count++}`;
  readonly #terminals: Terminal[] = [];

  constructor(lab: Lab, command = "sh") {
    this.#lab = lab;
    this.tmux("-f", "/dev/null", "new-session", "-d", "-s", "main", command);
  }

  tmux(...args: string[]): string {
    const env = { ...this.#lab.environment, PS1: "$ ", TERM: "xterm" };
    return execFileSync("tmux", ["-L", this.#name, ...args], { env, encoding: "utf8", stdio: "pipe" });
  }

  get socket(): string {
    return this.tmux("display-message", "-p", "#{socket_path}").trim();
  }

  /** Attaches a client, on a new terminal. */
  attach(columns = 120, rows = 40, ...options: string[]): Promise<Terminal> {
    return this.#attach("tmux -u", columns, rows, options);
  }

  /** The same on a terminal that shows ASCII alone. */
  attachAscii(columns = 120, rows = 40): Promise<Terminal> {
    return this.#attach("LC_ALL=C tmux", columns, rows, []);
  }

  async #attach(tmux: string, columns: number, rows: number, options: string[]): Promise<Terminal> {
    const before = this.clients().length;
    const command = `env -u TMUX ${tmux} -L ${this.#name} attach ${options.join(" ")}`;
    const terminal = new Terminal(this.#lab.environment, this.#lab.folder, command, columns, rows);
    this.#terminals.push(terminal);
    await until(() => this.clients().length > before, "the client");
    return terminal;
  }

  clients(): string[] {
    return this.tmux("list-clients", "-F", "#{client_name}").split("\n").filter(Boolean);
  }

  close(): void {
    for (const terminal of this.#terminals) terminal.close();
    this.tmux("kill-server");
  }
}
