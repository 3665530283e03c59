/**
 * A home as a user's is: ssh finds its ~/.ssh by the user database, shells their start-up files, muxguard its
 * settings. What runs in it runs in a mount namespace that bubblewrap makes, with an /etc/passwd that names this
 * home. /proc is the machine's, so that runs can be confined in there.
 */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { AuditEvent } from "../../src/audit/event.ts";
import type { Lab, Server } from "../lab.ts";
import { MUXGUARD } from "../programs.ts";
import { Shell } from "../terminal/shell.ts";
import { usersWithHome } from "./accounts.ts";

export interface UserHomeOptions {
  /** Of `SHELL`. */
  shell: string;
  environment?: NodeJS.ProcessEnv;
}

export class UserHome {
  readonly folder: string;
  readonly #lab: Lab;
  readonly #options: UserHomeOptions;

  constructor(lab: Lab, options: UserHomeOptions) {
    this.#lab = lab;
    this.#options = options;
    this.folder = lab.path("home");
    for (const name of ["home", "run", "programs"]) mkdirSync(lab.path(name), { mode: 0o700 });
    for (const name of ["muxguard", "muxguard-env"])
      symlinkSync(join(dirname(MUXGUARD), name), lab.path(`programs/${name}`));
    writeFileSync(lab.path("passwd"), usersWithHome(this.folder, options.shell));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, text: string, mode = 0o600): void {
    mkdirSync(dirname(this.path(name)), { recursive: true, mode: 0o700 });
    writeFileSync(this.path(name), text);
    chmodSync(this.path(name), mode);
  }

  /** So that `ssh NAME` leads there. @param more lines of its Host */
  knows({ name, port, hostKey }: Server, ...more: string[]): void {
    const lines = [`HostName 127.0.0.1`, `HostKeyAlias ${name}`, `Port ${port}`, ...more];
    this.write(".ssh/config", `Host ${name}\n${lines.map((line) => `  ${line}\n`).join("")}`);
    this.write(".ssh/known_hosts", `${name} ${hostKey}\n`);
  }

  /** The command line of a program in it. */
  command(...words: string[]): string[] {
    const { shell, environment = {} } = this.#options;
    const path = [
      this.#lab.path("programs"),
      dirname(process.execPath),
      "/usr/local/bin",
      "/usr/bin",
      "/bin",
    ];
    const variables = {
      HOME: this.folder,
      PATH: path.join(":"),
      SHELL: shell,
      TERM: "xterm",
      XDG_RUNTIME_DIR: this.#lab.path("run"),
      TMUX_TMPDIR: this.#lab.folder, // nobody is asked in a tmux of the user's own
      ...environment,
    };
    const set = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
    const namespaces = ["--dev-bind", "/", "/", "--bind", this.#lab.path("passwd"), "/etc/passwd"];
    return [
      "bwrap",
      ...namespaces,
      "--die-with-parent",
      "--chdir",
      this.folder,
      "env",
      "-i",
      ...set,
      ...words,
    ];
  }

  /** A terminal with a shell that reads no start-up file. */
  open(): Shell {
    return new Shell(this.#lab, ...this.command("/bin/sh"));
  }

  /** What is in it, by its path: the kind, the mode, and the bytes. Sockets are left out. */
  snapshot(folder = ""): Map<string, string> {
    const found = new Map<string, string>();
    for (const name of readdirSync(this.path(folder)).sort()) {
      const path = join(folder, name);
      const stats = lstatSync(this.path(path));
      const mode = stats.mode.toString(8);
      if (stats.isDirectory()) {
        found.set(path, mode);
        for (const [below, what] of this.snapshot(path)) found.set(below, what);
      } else if (stats.isSymbolicLink()) found.set(path, readlinkSync(this.path(path)));
      else if (stats.isFile()) found.set(path, `${mode} ${readFileSync(this.path(path), "base64")}`);
    }
    return found;
  }

  /** muxguard's log in it. */
  log(): AuditEvent[] {
    const lines = readFileSync(this.path(".local/state/muxguard/log.jsonl"), "utf8").split("\n");
    return lines.filter((line) => line !== "").map((line) => JSON.parse(line));
  }
}
